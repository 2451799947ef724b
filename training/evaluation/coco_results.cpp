// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Reader and writer of COCO results. Nesting depth of the parser events: 1 the list, 2 an entry, 3 "bbox" or
   "segmentation", 4 "size" or "counts" inside the latter. Unknown keys and their values are ignored. */

#include "evaluation/coco_results.hpp"

#include "base/atomic_file.hpp"
#include "base/json_stream.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <istream>
#include <stdexcept>

namespace d2det
{

namespace
{

using nlohmann::json;

constexpr size_t MAX_TOKEN = 4 << 20;  //!< bytes; run lengths of an image of some megapixels
constexpr int MAX_DEPTH = 64;

enum Field
{
    SKIPPED,
    IMAGE_ID,
    CATEGORY_ID,
    BBOX,
    SCORE,
    MASK_SCORE,
    SEGMENTATION,
    NUM_FIELDS
};

const char* const FIELD_NAMES[NUM_FIELDS] = {"",      "image_id",   "category_id", "bbox",
                                             "score", "mask_score", "segmentation"};

//! Event handler of nlohmann::json::sax_parse.
class ResultsHandler
{
public:
    explicit ResultsHandler(const std::string& path) : path_(path) {}

    bool null() { return scalar("null"); }
    bool boolean(bool) { return scalar("true or false"); }
    bool number_integer(int64_t value) { return number(JsonNumber(value)); }
    bool number_unsigned(uint64_t value) { return number(JsonNumber(value)); }
    bool number_float(double value, const std::string&) { return number(JsonNumber(value)); }
    bool string(std::string& value);
    bool binary(json::binary_t&) { return true; }
    bool start_object(size_t) { return enter(true); }
    bool start_array(size_t) { return enter(false); }
    bool end_object();
    bool end_array();
    bool key(std::string& name);
    bool parse_error(size_t position, const std::string& token, const json::exception& error);

    std::vector<CocoResult> results;

private:
    [[noreturn]] void fail(const std::string& reason) const;
    bool scalar(const char* what) const;
    bool number(const JsonNumber& number);
    bool enter(bool object);
    void beginEntry();
    void endEntry();
    void addBoxValue(double value);
    void addMaskNumber(const JsonNumber& number);
    void finishMask();
    bool seen(Field field) const { return (seen_ & (1u << field)) != 0; }
    std::string quoted(Field field) const { return std::string("\"") + FIELD_NAMES[field] + "\""; }

    std::string path_;
    int depth_ = 0;
    Field field_ = SKIPPED;
    unsigned seen_ = 0;
    CocoResult entry_;
    double box_[4] = {0, 0, 0, 0};
    int boxValues_ = 0;
    std::string maskKey_, compressed_;
    std::vector<unsigned> counts_;
    std::vector<int64_t> size_;
};

void ResultsHandler::fail(const std::string& reason) const
{
    throw std::runtime_error(path_ + (depth_ >= 1 ? ": result " + std::to_string(results.size()) : "") + ": " + reason);
}

//! Reports a non-numeric value where a number may be expected.
bool ResultsHandler::scalar(const char* what) const
{
    if (depth_ == 0)
        fail(std::string("the file holds ") + what + ", expected a list of COCO results");
    if (depth_ == 1)
        fail(std::string("it is ") + what + ", expected an object");
    if (depth_ == 2 && field_ != SKIPPED)
        fail(quoted(field_) + " is " + what +
             (field_ == BBOX           ? ", expected a list of 4 numbers"
              : field_ == SEGMENTATION ? ", expected an object with \"size\" and \"counts\""
                                       : ", expected a number"));
    if (depth_ == 3 && field_ == BBOX)
        fail("\"bbox\" holds " + std::string(what) + ", expected numbers");
    if (depth_ >= 3 && field_ == SEGMENTATION)
        fail("\"segmentation\" holds " + std::string(what) + ", expected run lengths");
    return true;
}

bool ResultsHandler::number(const JsonNumber& number)
{
    if (depth_ <= 1)
        return scalar("a number");
    if (depth_ == 3 && field_ == BBOX)
        addBoxValue(number.value);
    else if (depth_ >= 3 && field_ == SEGMENTATION)
        addMaskNumber(number);
    if (depth_ != 2 || field_ == SKIPPED)
        return true;
    if (field_ == BBOX || field_ == SEGMENTATION)
        return scalar("a number");
    if (!std::isfinite(number.value))
        fail(quoted(field_) + " is not a finite number");
    if ((field_ == IMAGE_ID || field_ == CATEGORY_ID) && !number.integral)
        fail(quoted(field_) + " is not an integer");
    seen_ |= 1u << field_;
    if (field_ == IMAGE_ID)
        entry_.imageId = number.integer;
    if (field_ == CATEGORY_ID)
        entry_.categoryId = number.integer;
    if (field_ == SCORE)
        entry_.score = number.value;
    if (field_ == MASK_SCORE)
        entry_.maskScore = number.value;
    return true;
}

void ResultsHandler::addBoxValue(double value)
{
    if (!std::isfinite(value))
        fail("\"bbox\" holds a number that is not finite");
    if (boxValues_ < 4)
        box_[boxValues_] = value;
    boxValues_ = std::min(boxValues_ + 1, 5);
}

void ResultsHandler::addMaskNumber(const JsonNumber& number)
{
    if (depth_ != 4 || (maskKey_ != "size" && maskKey_ != "counts"))
    {
        if (depth_ == 3 && (maskKey_ == "size" || maskKey_ == "counts"))
            fail("\"" + maskKey_ + "\" of \"segmentation\" is a number, expected " +
                 (maskKey_ == "size" ? "[height, width]" : "run lengths"));
        return;
    }
    if (!number.integral || number.value < 0 || number.value > 4294967295.)
        fail("\"" + maskKey_ + "\" of \"segmentation\" holds " + formatNumber(number.value, 2) +
             ", expected integers from 0 on");
    if (maskKey_ == "counts")
        counts_.push_back(static_cast<unsigned>(number.integer));
    else if (size_.size() < 3)
        size_.push_back(number.integer);
}

bool ResultsHandler::string(std::string& value)
{
    if (JsonFileBuffer::notANumber(value) && (depth_ < 3 || field_ == BBOX))
        return scalar("not a finite number");
    if (depth_ == 3 && field_ == SEGMENTATION)
    {
        if (maskKey_ == "counts")
            compressed_ = value;
        else if (maskKey_ == "size")
            fail("\"size\" of \"segmentation\" is a text, expected [height, width]");
        return true;
    }
    return scalar("a text");
}

bool ResultsHandler::enter(bool object)
{
    if (depth_ == 0 && object)
        fail("the file holds an object, expected a list of COCO results (an object is the format of annotations)");
    if (depth_ == 1 && !object)
        fail("it is a list, expected an object");
    if (depth_ == 2 && field_ != SKIPPED)
    {
        const bool right = field_ == BBOX ? !object : field_ == SEGMENTATION && object;
        if (!right)
            fail(quoted(field_) + " is " + (object ? "an object" : "a list") +
                 (field_ == BBOX           ? ", expected a list of 4 numbers"
                  : field_ == SEGMENTATION ? ", expected an object with \"size\" and \"counts\"; outlines must be "
                                             "converted to run lengths"
                                           : ", expected a number"));
        seen_ |= 1u << field_;
    }
    if (depth_ == 3 && field_ == BBOX)
        return scalar("a list or object");
    if (++depth_ > MAX_DEPTH)
        fail("nested deeper than " + std::to_string(MAX_DEPTH));
    if (depth_ == 2)
        beginEntry();
    return true;
}

void ResultsHandler::beginEntry()
{
    entry_ = CocoResult();
    field_ = SKIPPED;
    seen_ = 0;
    boxValues_ = 0;
    maskKey_.clear();
    compressed_.clear();
    counts_.clear();
    size_.clear();
}

bool ResultsHandler::end_object()
{
    if (depth_ == 2)
        endEntry();
    depth_--;
    return true;
}

bool ResultsHandler::end_array()
{
    depth_--;
    return true;
}

bool ResultsHandler::key(std::string& name)
{
    if (depth_ == 2)
    {
        field_ = SKIPPED;
        for (int f = IMAGE_ID; f < NUM_FIELDS; f++)
            if (name == FIELD_NAMES[f])
                field_ = static_cast<Field>(f);
        if (field_ != SKIPPED && seen(field_))
            fail(quoted(field_) + " occurs twice");
    }
    else if (depth_ == 3)
        maskKey_ = name.substr(0, 16);
    return true;
}

void ResultsHandler::finishMask()
{
    if (size_.size() != 2)
        fail("\"size\" of \"segmentation\" has " + std::string(size_.empty() ? "no" : "not two") +
             " numbers, expected [height, width]");
    const int64_t limit = 1 << 28;
    if (size_[0] < 1 || size_[1] < 1 || size_[0] > limit || size_[1] > limit)
        fail("\"segmentation\" is for an image of " + std::to_string(size_[1]) + " x " + std::to_string(size_[0]) +
             " pixels");
    const int height = static_cast<int>(size_[0]), width = static_cast<int>(size_[1]);
    try
    {
        if (!compressed_.empty())
            entry_.mask = cv::d2det::rleFromString(compressed_, height, width);
        else
        {
            entry_.mask.height = height;
            entry_.mask.width = width;
            entry_.mask.counts = counts_;
        }
        cv::d2det::rleArea(entry_.mask);  // throws if the counts do not fill the image
    }
    catch (const cv::Exception& e)
    {
        fail("\"segmentation\": " + e.err);
    }
}

void ResultsHandler::endEntry()
{
    for (const Field field : {IMAGE_ID, CATEGORY_ID, SCORE})
        if (!seen(field))
            fail(quoted(field) + " is missing");
    if (!seen(BBOX) && !seen(SEGMENTATION))
        fail("\"bbox\" is missing");
    if (seen(BBOX) && boxValues_ != 4)
        fail("\"bbox\" has " + std::string(boxValues_ > 4 ? "more than 4" : std::to_string(boxValues_)) +
             " numbers, expected 4");
    if (!seen(MASK_SCORE))
        entry_.maskScore = entry_.score;
    if (seen(SEGMENTATION))
        finishMask();
    entry_.box = seen(BBOX) ? cv::Rect2d(box_[0], box_[1], box_[2], box_[3])
                            : cv::Rect2d(cv::d2det::rleBoundingBox(entry_.mask));
    if (entry_.box.width < 0 || entry_.box.height < 0)
        fail("\"bbox\" is " + formatNumber(entry_.box.width, 2) + " wide and " + formatNumber(entry_.box.height, 2) +
             " high; expected [x, y, width, height]");
    results.push_back(std::move(entry_));
    field_ = SKIPPED;
}

bool ResultsHandler::parse_error(size_t position, const std::string&, const json::exception&)
{
    fail("not valid JSON at byte " + std::to_string(position));
}

json toJson(const CocoResult& result)
{
    json entry = {{"image_id", result.imageId},
                  {"category_id", result.categoryId},
                  {"bbox", {result.box.x, result.box.y, result.box.width, result.box.height}},
                  {"score", result.score}};
    if (!result.mask.empty())
    {
        entry["segmentation"] = {{"size", {result.mask.height, result.mask.width}},
                                 {"counts", cv::d2det::rleToString(result.mask)}};
        if (result.maskScore != result.score)
            entry["mask_score"] = result.maskScore;
    }
    return entry;
}

}  // namespace

std::vector<CocoResult> readCocoResults(const std::string& path)
{
    JsonFileBuffer buffer(path, MAX_TOKEN);
    std::istream stream(&buffer);
    ResultsHandler handler(path);
    json::sax_parse(stream, &handler);
    return std::move(handler.results);
}

void writeCocoResults(const std::string& path, const std::vector<CocoResult>& results)
{
    AtomicFile file(path);
    std::string text = "[";
    for (size_t i = 0; i < results.size(); i++)
    {
        text += (i ? ",\n" : "\n") + toJson(results[i]).dump();
        file.write(text.data(), text.size());
        text.clear();
    }
    text += "\n]\n";
    file.write(text.data(), text.size());
    file.commit();
}

}  // namespace d2det
