// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One training repeated with several seeds: mean and spread of the last evaluations. Independent of LibTorch. */

#ifndef D2DET_TRAINING_SEEDS_HPP
#define D2DET_TRAINING_SEEDS_HPP

#include "report/curves.hpp"

#include <string>
#include <vector>

namespace d2det
{

struct MeanOfSeeds
{
    std::string name;  //!< such as "val/people/AP"
    double mean = 0;
    double deviation = 0;        //!< standard deviation of a sample (divisor n - 1); 0 for one run
    std::vector<double> values;  //!< of every run, NaN where a run has none
};

/** Means of the last row of each table.
    @param evaluations the eval.csv of each run; columns other than "val/..." are left out, and values that are not
    finite do not count. */
std::vector<MeanOfSeeds> meansOfSeeds(const std::vector<CsvTable>& evaluations);

//! Lines "name  mean ± deviation  (value, value, ...)", for the console.
std::string seedsText(const std::vector<MeanOfSeeds>& means);

//! The same as a table: name, mean, deviation, seed_<n> for each seed.
std::string seedsCsv(const std::vector<MeanOfSeeds>& means, const std::vector<int64_t>& seeds);

}  // namespace d2det

#endif
