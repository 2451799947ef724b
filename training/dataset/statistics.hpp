// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Statistics of a data set: counts per class, distributions of sizes and aspect ratios. Crowds are counted, but their
   boxes are excluded from the distributions. */

#ifndef D2DET_TRAINING_STATISTICS_HPP
#define D2DET_TRAINING_STATISTICS_HPP

#include "dataset/dataset.hpp"

#include <array>

namespace d2det
{

struct ClassStatistics
{
    std::string name;
    int64_t instances = 0;  //!< without crowds
    int64_t images = 0;     //!< with at least one instance
    int64_t crowds = 0;
    int64_t masks = 0;                      //!< instances with a mask
    std::array<int64_t, 3> sizes{0, 0, 0};  //!< COCO's small (area < 32^2), medium, large (area >= 96^2)
    std::vector<double> sides;              //!< square root of the box area, pixels, ascending

    void add(const Annotation& annotation);
};

struct DatasetStatistics
{
    int64_t images = 0, emptyImages = 0;
    int64_t annotatedEmptyImages = 0, unlabeledImages = 0;  //!< EmptyImage; others have only unusable annotations
    std::vector<ClassStatistics> classes;                   //!< in the order of Dataset::classNames
    ClassStatistics all;                                    //!< all classes together
    // Ascending:
    std::vector<double> imageWidths, imageHeights, instancesPerImage;
    std::vector<double> boxWidths, boxHeights, aspects;  //!< aspect: width / height
};

//! @param dataset must be read with ReadOptions::keepSegmentation, otherwise no masks are counted.
DatasetStatistics computeStatistics(const Dataset& dataset);

//! Quantile with linear interpolation; 0 without values. @param values ascending. @param part 0 .. 1
double quantile(const std::vector<double>& values, double part);

/** @brief Counts values per bin.
@param edges ascending, at least 2. The first bin contains all values below edges[1], the last bin all values from the
second to last edge on.
@return edges.size() - 1 counts. */
std::vector<double> histogram(const std::vector<double>& values, const std::vector<double>& edges);

}  // namespace d2det

#endif
