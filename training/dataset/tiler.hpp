// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Cuts the images of a data set into tiles (cv::d2det::calculateTiles), for training on objects that are small in large
   images.

   An object that a tile shows entirely keeps its box, outline and area, shifted. Of an object that the tile cuts, the
   tile has the exact mask and the box around it, or without a mask the part of the box; less than `minVisible` of its
   area is left out. A tile that shows nothing but such remains is left out as well: it would teach that they are
   background. Of the tiles without any object a share is kept, the same ones for the same seed. */

#ifndef D2DET_TRAINING_TILER_HPP
#define D2DET_TRAINING_TILER_HPP

#include "dataset/dataset.hpp"

#include <opencv2/core/mat.hpp>

#include <string>
#include <unordered_map>
#include <vector>

namespace d2det
{

struct TilerOptions
{
    int size = 640;           //!< side of a tile, pixels
    double overlap = 0.2;     //!< least common part of neighboring tiles, share of a side
    double minVisible = 0.3;  //!< least share of an object's area (mask, or else box)
    double keepEmpty = 0.1;   //!< share of the tiles without objects
    uint64_t seed = 1;        //!< another one keeps other empty tiles
};

struct TilerCounters
{
    int64_t tiles = 0, emptyKept = 0, emptyLeftOut = 0;
    int64_t onlyRemains = 0;  //!< tiles left out that show only objects below minVisible
    int64_t cut = 0;          //!< annotations of a part of an object
    int64_t remains = 0;      //!< left out, below minVisible
};

/** The annotations of a part of an image, in its pixels.
    @param remains gets the number of objects below minVisible. */
std::vector<Annotation> cutAnnotations(const ImageRecord& image, const cv::Rect& part, double minVisible,
                                       int64_t& remains, int64_t& cut);

class Tiler
{
public:
    /** @param source data set of the images, which gives the classes.
        @param imageFolder base of its file names.
        @param output folder of the images to write. */
    Tiler(const TilerOptions& options, const Dataset& source, const std::string& imageFolder,
          const std::string& output);

    /** Writes the tiles of an image. Throws std::runtime_error if a file cannot be written or two images would have
        tiles of one name.
        @param pixels as readAnnotatedImage() gives them. */
    void add(const ImageRecord& image, const cv::Mat& pixels);

    const Dataset& tiles() const { return tiles_; }
    const TilerCounters& counters() const { return counters_; }

private:
    std::string nameOf(const std::string& name, const cv::Rect& tile);
    bool keepsEmpty(const std::string& name) const;

    TilerOptions options_;
    std::string imageFolder_, output_;
    Dataset tiles_;
    TilerCounters counters_;
    std::unordered_map<std::string, std::string> names_;  //!< tile -> image
    int64_t lastAnnotation_ = 0;
};

}  // namespace d2det

#endif
