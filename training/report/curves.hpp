// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Curves of a training as SVG, drawn from the tables that a run writes (log.csv, eval.csv). They are drawn anew from
   the whole table each time, hence a run that was continued has one curve from its first step on. No torch. */

#ifndef D2DET_TRAINING_CURVES_HPP
#define D2DET_TRAINING_CURVES_HPP

#include <cstddef>
#include <string>
#include <vector>

namespace d2det
{

//! A table of numbers with named columns of equal length.
struct CsvTable
{
    std::vector<std::string> names;
    std::vector<std::vector<double>> columns;  //!< NaN where a cell is empty, missing or no number

    size_t rows() const { return columns.empty() ? 0 : columns[0].size(); }
    //! Null if there is none of the name.
    const std::vector<double>* column(const std::string& name) const;
};

//! The first line has the names. A file that is absent or empty is an empty table; cells beyond the names are left out.
CsvTable readCsv(const std::string& path);

/** Mean over the neighbors on both sides, as many on the one as on the other, so that nothing is shifted.
    @param reach neighbors on each side; fewer near the ends. Values that are not finite are left out of the mean. */
std::vector<double> smoothed(const std::vector<double>& values, size_t reach);

//! Curves of "loss" and its parts "loss/..." over "epoch": smooth lines, behind them the single values in a faint tone.
std::string lossCurves(const CsvTable& log);

//! Curves of "val/<data set>/AP", "AP50", "AP75" over "epoch"; those of masks ("mask_AP", ...) are dashed.
std::string precisionCurves(const CsvTable& evaluations);

}  // namespace d2det

#endif
