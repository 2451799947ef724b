// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Reader and writer of COCO results. Levels of the parser events inside the list of results: 1 the list, 2 an entry, 3
   "bbox", "keypoints" or "segmentation", 4 "size", "counts" or an outline inside the latter. Unknown keys and their
   values are ignored. A fault in an entry spoils the entry, one in its keypoints only these; a fault of the file ends
   reading. */

#include "evaluation/coco_results.hpp"

#include "base/atomic_file.hpp"
#include "base/files.hpp"
#include "base/json_stream.hpp"
#include "base/text.hpp"
#include "dataset/keypoints.hpp"
#include "dataset/segmentation.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <istream>
#include <stdexcept>
#include <unordered_map>

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
    FILE_NAME,
    CATEGORY_NAME,
    ID,    //!< of an image or category
    NAME,  //!< of a category
    KEYPOINTS,
    NUM_FIELDS
};

const char* const FIELD_NAMES[NUM_FIELDS] = {"",           "image_id",     "category_id", "bbox",          "score",
                                             "mask_score", "segmentation", "file_name",   "category_name", "id",
                                             "name",       "keypoints"};

//! Lists of a file that is an object.
enum Section
{
    OTHER,
    RESULTS,
    IMAGES,
    CATEGORIES
};

Section sectionOf(const std::string& name)
{
    return name == "annotations" || name == "predictions" || name == "results" || name == "detections" ? RESULTS
           : name == "images"                                                                          ? IMAGES
           : name == "categories"                                                                      ? CATEGORIES
                                                                                                       : OTHER;
}

//! Event handler of nlohmann::json::sax_parse.
class ResultsHandler
{
public:
    explicit ResultsHandler(const std::string& path) : path_(path) {}

    bool null();
    bool boolean(bool) { return scalar("true or false"); }
    bool number_integer(int64_t value) { return number(JsonNumber(value)); }
    bool number_unsigned(uint64_t value) { return number(JsonNumber(value)); }
    bool number_float(double value, const std::string&) { return number(JsonNumber(value)); }
    bool string(std::string& value);
    bool binary(json::binary_t&) { return true; }
    bool start_object(size_t) { return enter(true); }
    bool start_array(size_t) { return enter(false); }
    bool end_object() { return leave(); }
    bool end_array() { return leave(); }
    bool key(std::string& name);
    bool parse_error(size_t position, const std::string& token, const json::exception& error);

    void finish(std::vector<std::string>* notes);
    std::vector<CocoResult> results;

private:
    [[noreturn]] void fail(const std::string& reason) const { throw std::runtime_error(path_ + ": " + reason); }
    void spoil(const std::string& reason);
    void spoilPoints(const std::string& reason);
    bool scalar(const char* what);
    bool number(const JsonNumber& number);
    bool enter(bool object);
    bool leave();
    void beginEntry();
    void endEntry();
    void endResult();
    void addBoxValue(double value);
    void addMaskNumber(const JsonNumber& number);
    void addPointValue(double value);
    void finishPoints();
    bool isList() const { return field_ == BBOX || field_ == KEYPOINTS; }
    void setText(const std::string& value);
    void finishMask();
    void finishOutline();
    void finishRuns();
    int level() const { return section_ == OTHER ? 0 : depth_ - base_; }
    bool seen(Field field) const { return (seen_ & (1u << field)) != 0; }
    std::string quoted(Field field) const { return std::string("\"") + FIELD_NAMES[field] + "\""; }

    std::string path_;
    int depth_ = 0, base_ = 0;
    Section section_ = RESULTS;
    bool anySection_ = false;
    Field field_ = SKIPPED;
    unsigned seen_ = 0;
    CocoResult entry_;
    std::string fault_;       //!< of the entry
    std::string pointFault_;  //!< of its keypoints
    int64_t entries_ = 0;     //!< results so far
    int64_t spoiled_ = 0;     //!< results left out
    std::string firstFault_;
    int64_t spoiledPoints_ = 0;  //!< results without their keypoints
    std::string firstPointFault_;
    std::string idText_, name_;                                                //!< of an image or category
    std::unordered_map<std::string, std::string> imageNames_, categoryNames_;  //!< by id as text
    double box_[4] = {0, 0, 0, 0};
    int boxValues_ = 0;
    std::vector<double> pointValues_;  //!< of keypoints
    bool runs_ = false;                //!< the segmentation is an object
    std::string maskKey_, compressed_;
    std::vector<unsigned> counts_;
    std::vector<int64_t> size_;
};

void ResultsHandler::spoil(const std::string& reason)
{
    if (fault_.empty())
        fault_ = reason;
}

void ResultsHandler::spoilPoints(const std::string& reason)
{
    if (pointFault_.empty())
        pointFault_ = reason;
}

//! A value that is no number where a number may be expected.
bool ResultsHandler::scalar(const char* what)
{
    if (depth_ == 0)
        fail(std::string("the file holds ") + what + ", expected a list of COCO results");
    if (level() == 1)
    {
        beginEntry();
        spoil(std::string("it is ") + what + ", expected an object");
        endEntry();
    }
    else if (level() == 2 && field_ == KEYPOINTS)
        spoilPoints(std::string("\"keypoints\" is ") + what + ", expected a list of numbers");
    else if (level() == 2 && field_ != SKIPPED)
        spoil(quoted(field_) + " is " + what +
              (field_ == BBOX           ? ", expected a list of 4 numbers"
               : field_ == SEGMENTATION ? ", expected run lengths or outlines"
                                        : ", expected a number"));
    else if (level() == 3 && field_ == BBOX)
        spoil("\"bbox\" holds " + std::string(what) + ", expected numbers");
    else if (level() == 3 && field_ == KEYPOINTS)
        spoilPoints(std::string("\"keypoints\" holds ") + what + ", expected numbers");
    else if (level() >= 3 && field_ == SEGMENTATION)
        spoil("\"segmentation\" holds " + std::string(what) + ", expected run lengths or outlines");
    return true;
}

//! The same as a missing key.
bool ResultsHandler::null()
{
    return level() == 2 && field_ != SKIPPED ? true : scalar("null");
}

bool ResultsHandler::number(const JsonNumber& number)
{
    if (depth_ == 0 || level() == 1)
        return scalar("a number");
    if (level() == 3 && field_ == BBOX)
        addBoxValue(number.value);
    else if (level() >= 3 && field_ == SEGMENTATION)
        addMaskNumber(number);
    else if (level() == 3 && field_ == KEYPOINTS)
        addPointValue(number.value);
    if (level() != 2 || field_ == SKIPPED)
        return true;
    if (isList() || field_ == SEGMENTATION)
        return scalar("a number");
    seen_ |= 1u << field_;
    if (field_ == ID && number.integral)
        idText_ = std::to_string(number.integer);
    const bool isText = field_ == FILE_NAME || field_ == CATEGORY_NAME || field_ == NAME;
    if (field_ == ID || isText)
        return true;
    if (!std::isfinite(number.value))
        spoil(quoted(field_) + " is not a finite number");
    else if ((field_ == IMAGE_ID || field_ == CATEGORY_ID) && !number.integral)
        spoil(quoted(field_) + " is not an integer");
    else if (field_ == IMAGE_ID)
        entry_.imageId = number.integer;
    else if (field_ == CATEGORY_ID)
        entry_.categoryId = number.integer;
    else
        (field_ == SCORE ? entry_.score : entry_.maskScore) = number.value;
    return true;
}

void ResultsHandler::addBoxValue(double value)
{
    if (!std::isfinite(value))
        spoil("\"bbox\" holds a number that is not a finite number");
    if (boxValues_ < 4)
        box_[boxValues_] = value;
    boxValues_ = std::min(boxValues_ + 1, 5);
}

void ResultsHandler::addPointValue(double value)
{
    if (!std::isfinite(value))
        spoilPoints("\"keypoints\" holds a number that is not a finite number");
    if (pointValues_.size() <= 3 * MAX_KEYPOINTS)  // one more than there can be
        pointValues_.push_back(value);
}

void ResultsHandler::finishPoints()
{
    if (pointValues_.size() % 3 != 0 || pointValues_.size() > 3 * MAX_KEYPOINTS)
        return spoilPoints("\"keypoints\" has " + std::to_string(pointValues_.size()) +
                           " numbers, expected x, y and a score of each point");
    for (size_t i = 0; i < pointValues_.size(); i += 3)
        entry_.keypoints.emplace_back(pointValues_[i], pointValues_[i + 1], pointValues_[i + 2]);
    if (boxValues_ > 0 || entry_.keypoints.empty())
        return;
    boxValues_ = 4;
    for (int axis = 0; axis < 2; axis++)
    {
        const auto ends = std::minmax_element(entry_.keypoints.begin(), entry_.keypoints.end(),
                                              [axis](const auto& a, const auto& b) { return a[axis] < b[axis]; });
        box_[axis] = (*ends.first)[axis];
        box_[axis + 2] = (*ends.second)[axis] - box_[axis];
    }
}

void ResultsHandler::addMaskNumber(const JsonNumber& number)
{
    if (!runs_)
    {
        if (entry_.outline.empty())
            entry_.outline.emplace_back();
        entry_.outline.back().push_back(number.value);
        if (!std::isfinite(number.value))
            spoil("\"segmentation\" has a coordinate that is not a finite number");
        return;
    }
    if (level() != 4 || (maskKey_ != "size" && maskKey_ != "counts"))
    {
        if (level() == 3 && (maskKey_ == "size" || maskKey_ == "counts"))
            spoil("\"" + maskKey_ + "\" of \"segmentation\" is a number, expected " +
                  (maskKey_ == "size" ? "[height, width]" : "run lengths"));
        return;
    }
    if (!number.integral || number.value < 0 || number.value > 4294967295.)
        return spoil("\"" + maskKey_ + "\" of \"segmentation\" holds " + formatNumber(number.value, 2) +
                     ", expected integers from 0 on");
    if (maskKey_ == "counts")
        counts_.push_back(static_cast<unsigned>(number.integer));
    else if (size_.size() < 3)
        size_.push_back(number.integer);
}

//! Texts that are numbers are numbers; other texts are names.
void ResultsHandler::setText(const std::string& value)
{
    double parsed = 0;
    int64_t whole = 0;
    const bool isNumber = parseInteger(value, whole);
    switch (field_)
    {
        case FILE_NAME:
            entry_.fileName = withSlashes(value);
            break;
        case CATEGORY_NAME:
            entry_.categoryName = value;
            break;
        case NAME:
            name_ = value;
            break;
        case ID:
            idText_ = isNumber ? std::to_string(whole) : value;
            break;
        case IMAGE_ID:
            entry_.imageIdText = value;
            entry_.imageId = isNumber ? whole : 0;
            break;
        case CATEGORY_ID:
            entry_.categoryId = isNumber ? whole : 0;
            if (!isNumber && entry_.categoryName.empty())
                entry_.categoryName = value;
            break;
        default:
            if ((field_ == SCORE || field_ == MASK_SCORE) && parseNumber(value, parsed))
                number(JsonNumber(parsed));
            else
                scalar("a text");
            return;
    }
    seen_ |= 1u << field_;
}

bool ResultsHandler::string(std::string& value)
{
    double parsed = 0;
    const bool isNumber = level() < 2 || field_ == SCORE || field_ == MASK_SCORE || isList();
    if (JsonFileBuffer::notANumber(value) && isNumber)
        return scalar("not a finite number");
    if (level() == 2 && field_ != SKIPPED)
        setText(value);
    else if (level() == 3 && field_ == SEGMENTATION && runs_)
    {
        if (maskKey_ == "counts")
            compressed_ = value;
        else if (maskKey_ == "size")
            spoil("\"size\" of \"segmentation\" is a text, expected [height, width]");
    }
    else if (level() == 3 && field_ == BBOX && parseNumber(value, parsed))
        addBoxValue(parsed);
    else if (level() == 3 && field_ == KEYPOINTS && parseNumber(value, parsed))
        addPointValue(parsed);
    else
        return scalar("a text");
    return true;
}

bool ResultsHandler::enter(bool object)
{
    if (depth_ == 0 && object)
    {
        base_ = 1;
        section_ = OTHER;
    }
    else if (level() == 2 && field_ != SKIPPED)
    {
        const bool right = isList() ? !object : field_ == SEGMENTATION;
        if (!right)
            scalar(object ? "an object" : "a list");
        seen_ |= 1u << field_;
        runs_ = object;
    }
    else if (level() == 3 && isList())
        scalar("a list or object");
    else if (level() == 3 && field_ == SEGMENTATION && !runs_)
        entry_.outline.emplace_back();
    if (++depth_ > MAX_DEPTH)
        fail("nested deeper than " + std::to_string(MAX_DEPTH));
    if (level() == 2)
    {
        beginEntry();
        if (!object)
            spoil("it is a list, expected an object");
    }
    return true;
}

bool ResultsHandler::leave()
{
    if (level() == 2)
        endEntry();
    depth_--;
    if (base_ == 1 && depth_ == 1)
        section_ = OTHER;
    return true;
}

void ResultsHandler::beginEntry()
{
    entry_ = CocoResult();
    fault_.clear();
    pointFault_.clear();
    idText_.clear();
    name_.clear();
    field_ = SKIPPED;
    seen_ = 0;
    boxValues_ = 0;
    pointValues_.clear();
    runs_ = false;
    maskKey_.clear();
    compressed_.clear();
    counts_.clear();
    size_.clear();
}

bool ResultsHandler::key(std::string& name)
{
    if (base_ == 1 && depth_ == 1)
    {
        section_ = sectionOf(name);
        anySection_ = anySection_ || section_ == RESULTS;
    }
    else if (level() == 2)
    {
        field_ = SKIPPED;
        for (int f = IMAGE_ID; f < NUM_FIELDS; f++)
            if (name == FIELD_NAMES[f])
                field_ = static_cast<Field>(f);
        if ((field_ == ID || field_ == NAME) && section_ == RESULTS)
            field_ = SKIPPED;
        if (field_ != SKIPPED && seen(field_))
            spoil(quoted(field_) + " occurs twice");
    }
    else if (level() == 3)
        maskKey_ = name.substr(0, 16);
    return true;
}

void ResultsHandler::finishMask()
{
    if (runs_)
        finishRuns();
    else
        finishOutline();
}

void ResultsHandler::finishOutline()
{
    Segmentation outline;
    outline.polygons.swap(entry_.outline);
    cleanOutline(outline);
    entry_.outline.swap(outline.polygons);
    if (boxValues_ == 0 && boundsOfPolygons(entry_.outline, box_))
        boxValues_ = 4;
}

void ResultsHandler::finishRuns()
{
    if (size_.empty() && counts_.empty() && compressed_.empty())
        return;
    if (size_.size() != 2)
        return spoil("\"size\" of \"segmentation\" has " + std::string(size_.empty() ? "no" : "not two") +
                     " numbers, expected [height, width]");
    const int64_t limit = 1 << 28;
    if (size_[0] < 1 || size_[1] < 1 || size_[0] > limit || size_[1] > limit)
        return spoil("\"segmentation\" is for an image of " + std::to_string(size_[1]) + " x " +
                     std::to_string(size_[0]) + " pixels");
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
        if (boxValues_ > 0)
            return;
        const cv::Rect bounds = cv::d2det::rleBoundingBox(entry_.mask);
        boxValues_ = 4;
        box_[0] = bounds.x;
        box_[1] = bounds.y;
        box_[2] = bounds.width;
        box_[3] = bounds.height;
    }
    catch (const cv::Exception& e)
    {
        spoil("\"segmentation\": " + e.err);
    }
}

void ResultsHandler::endResult()
{
    if (!seen(IMAGE_ID) && entry_.fileName.empty())
        spoil("\"image_id\" is missing");
    if (!seen(CATEGORY_ID) && entry_.categoryName.empty())
        spoil("\"category_id\" is missing");
    if (!seen(SCORE))
        spoil(base_ == 1 ? "\"score\" is missing; is this a file of annotations instead of results?"
                         : "\"score\" is missing");
    if (!seen(MASK_SCORE))
        entry_.maskScore = entry_.score;
    if (seen(SEGMENTATION) && fault_.empty())
        finishMask();
    if (fault_.empty() && pointFault_.empty())
        finishPoints();
    if (boxValues_ == 0)
        spoil(pointFault_.empty() ? "\"bbox\" is missing" : pointFault_);
    else if (boxValues_ != 4)
        spoil("\"bbox\" has " + std::string(boxValues_ > 4 ? "more than 4" : std::to_string(boxValues_)) +
              " numbers, expected 4");
    entry_.box = cv::Rect2d(box_[0], box_[1], box_[2], box_[3]);
    if (entry_.box.width < 0 || entry_.box.height < 0)
        spoil("\"bbox\" is " + formatNumber(entry_.box.width, 2) + " wide and " + formatNumber(entry_.box.height, 2) +
              " high; expected [x, y, width, height]");
    if (fault_.empty() && !pointFault_.empty() && spoiledPoints_++ == 0)
        firstPointFault_ = "result " + std::to_string(entries_) + ": " + pointFault_;
    if (fault_.empty())
        results.push_back(std::move(entry_));
    else if (spoiled_++ == 0)
        firstFault_ = "result " + std::to_string(entries_) + ": " + fault_;
    entries_++;
}

void ResultsHandler::endEntry()
{
    if (section_ == RESULTS)
        endResult();
    else if (section_ == IMAGES && !idText_.empty() && !entry_.fileName.empty())
        imageNames_.emplace(idText_, entry_.fileName);
    else if (section_ == CATEGORIES && !idText_.empty() && !name_.empty())
        categoryNames_.emplace(idText_, name_);
    field_ = SKIPPED;
}

bool ResultsHandler::parse_error(size_t position, const std::string&, const json::exception&)
{
    fail("not valid JSON at byte " + std::to_string(position));
}

void ResultsHandler::finish(std::vector<std::string>* notes)
{
    if (base_ == 1 && !anySection_)
        fail("the file holds an object without \"annotations\", expected a list of COCO results");
    if (spoiled_ > 0 && results.empty())
        fail(spoiled_ == 1
                 ? firstFault_
                 : "none of its " + std::to_string(spoiled_) + " results can be used; the first: " + firstFault_);
    if (spoiled_ > 0 && notes)
        notes->push_back(counted(spoiled_, "result") + " left out: " + firstFault_ +
                         (spoiled_ > 1 ? ", and " + std::to_string(spoiled_ - 1) + " more" : ""));
    if (spoiledPoints_ > 0 && notes)
        notes->push_back(counted(spoiledPoints_, "result") + " without keypoints: " + firstPointFault_ +
                         (spoiledPoints_ > 1 ? ", and " + std::to_string(spoiledPoints_ - 1) + " more" : ""));
    for (CocoResult& result : results)
    {
        const auto image =
            imageNames_.find(result.imageIdText.empty() ? std::to_string(result.imageId) : result.imageIdText);
        if (image != imageNames_.end() && result.fileName.empty())
            result.fileName = image->second;
        const auto category =
            categoryNames_.find(result.categoryName.empty() ? std::to_string(result.categoryId) : result.categoryName);
        if (category != categoryNames_.end())
            result.categoryName = category->second;
    }
}

json toJson(const CocoResult& result)
{
    json entry = {{"image_id", result.imageId},
                  {"category_id", result.categoryId},
                  {"bbox", {result.box.x, result.box.y, result.box.width, result.box.height}},
                  {"score", result.score}};
    if (!result.fileName.empty())
        entry["file_name"] = result.fileName;
    if (!result.categoryName.empty())
        entry["category_name"] = result.categoryName;
    if (!result.mask.empty())
    {
        entry["segmentation"] = {{"size", {result.mask.height, result.mask.width}},
                                 {"counts", cv::d2det::rleToString(result.mask)}};
        if (result.maskScore != result.score)
            entry["mask_score"] = result.maskScore;
    }
    if (!result.keypoints.empty())
    {
        json& list = entry["keypoints"] = json::array();
        for (const cv::Vec3d& point : result.keypoints)
            for (int i = 0; i < 3; i++)
                list.push_back(point[i]);
    }
    return entry;
}

}  // namespace

std::vector<CocoResult> readCocoResults(const std::string& path, std::vector<std::string>* notes)
{
    JsonFileBuffer buffer(path, MAX_TOKEN);
    std::istream stream(&buffer);
    ResultsHandler handler(path);
    json::sax_parse(stream, &handler);
    handler.finish(notes);
    return std::move(handler.results);
}

void writeCocoResults(const std::string& path, const std::vector<CocoResult>& results)
{
    AtomicFile file(path);
    std::string text = "[";
    for (size_t i = 0; i < results.size(); i++)
    {
        text += (i ? ",\n" : "\n") + toJson(results[i]).dump(-1, ' ', false, json::error_handler_t::replace);
        file.write(text.data(), text.size());
        text.clear();
    }
    text += "\n]\n";
    file.write(text.data(), text.size());
    file.commit();
}

}  // namespace d2det
