// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Which image and category of a data set a result is for. In this order:

   image     "file_name", by its name and then by as many folders before it as needed, or without its extension;
             "image_id" that is a text: the text id of the annotations, a number that they have, a file name;
             "image_id" that is a number: the id. The ids of VOC, YOLO and labelme images are numbers of this program's
             readers, so if all ids of a file are numbers of file names ("0005.jpg"), they mean these.
   category  "category_name"; otherwise "category_id".

   Names and ids are not mixed within a file: results of an image whose file name is unknown are for no image. If none
   of the names is known, that is an error, as ids of a program that counts by itself would match by accident. */

#ifndef D2DET_TRAINING_RESULT_MATCHING_HPP
#define D2DET_TRAINING_RESULT_MATCHING_HPP

#include "dataset/dataset.hpp"
#include "evaluation/coco_results.hpp"

#include <optional>
#include <unordered_map>

namespace d2det
{

//! For the results of one file; the arguments must outlive the object.
class ResultMatcher
{
public:
    //! @param name start of messages. Throws std::runtime_error if the results have names and none is known.
    ResultMatcher(const Dataset& dataset, const std::string& name, const std::vector<CocoResult>& results);

    //! Index into Dataset::images.
    std::optional<size_t> imageOf(const CocoResult& result);

    //! Category id of the annotations.
    std::optional<int64_t> categoryOf(const CocoResult& result) const;

    /** True if the image ids are counters of a run, 1 .. N, one for each of the N files that the results name: of the
        images of the run up to the last one, none is without a result. */
    bool isRun(const std::vector<CocoResult>& results) const;

    //! For the user: matched otherwise than by ids.
    const std::vector<std::string>& notes() const { return notes_; }

private:
    std::optional<size_t> byName(const std::string& name, int64_t id) const;
    std::optional<size_t> byText(const CocoResult& result) const;
    void chooseNumbers(const std::vector<CocoResult>& results);
    void checkNames(const std::string& name, const std::vector<CocoResult>& results);

    const Dataset& dataset_;
    std::unordered_map<int64_t, size_t> byId_;
    std::unordered_map<std::string, size_t> byIdText_;
    std::unordered_map<std::string, std::vector<size_t>> byFile_, byStem_;
    std::unordered_map<int64_t, size_t> byNumber_;  //!< number in the file name; used if not empty
    std::unordered_map<std::string, int64_t> categories_;
    std::unordered_map<std::string, std::optional<size_t>> known_;  //!< file names already found
    std::vector<std::string> notes_;
};

}  // namespace d2det

#endif
