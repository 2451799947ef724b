// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Training curves as SVG, drawn from the tables of a run (log.csv, eval.csv). The entire table is redrawn each time, so
   the curves of a resumed run start at the first step. Independent of LibTorch. */

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
    std::vector<std::vector<double>> columns;  //!< NaN for cells that are empty, missing or not numeric

    size_t rows() const { return columns.empty() ? 0 : columns[0].size(); }
    //! Column by name; null if not found.
    const std::vector<double>* column(const std::string& name) const;
};

//! Reads a table; the first line contains the names. A missing or empty file gives an empty table; excess cells of a
//! row are ignored.
CsvTable readCsv(const std::string& path);

/** Moving average over a symmetric window (no phase shift). Non-finite values are ignored.
    @param reach neighbors on each side; fewer near the ends. */
std::vector<double> smoothed(const std::vector<double>& values, size_t reach);

//! Curves of "loss" and its parts "loss/..." over "epoch": smoothed lines over faint lines of the single values.
//! @param evaluations losses "val/<data set>/loss" are drawn dashed beside them.
std::string lossCurves(const CsvTable& log, const CsvTable& evaluations = CsvTable());

//! Curves of "val/<data set>/AP", "AP50", "AP75" over "epoch"; mask metrics ("mask_AP", ...) are dashed.
std::string precisionCurves(const CsvTable& evaluations);

}  // namespace d2det

#endif
