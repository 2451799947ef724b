// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Nesting depth of the parser events by their container: 1 the top-level object, 2 one of the three arrays, 3 an image,
   annotation or category, 4 "bbox", "segmentation", "keypoints" or "skeleton", 5 a polygon, "counts" or a line of the
   skeleton. Everything else is skipped without being stored. The parser itself is not recursive; the depth is limited
   nevertheless. */

#include "dataset/coco_reader.hpp"

#include "base/files.hpp"
#include "base/json_stream.hpp"
#include "dataset/segmentation.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <istream>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

namespace d2det
{

namespace
{

constexpr int MAX_DEPTH = 64;
constexpr size_t MAX_TOKEN = 4 << 20;  // bytes; COCO's longest run-length string has some 10 000
constexpr int64_t MAX_SIDE = 1 << 16;  // pixels
constexpr size_t MAX_LINES = 10000;    // of a skeleton
constexpr double NOT_A_NUMBER = std::numeric_limits<double>::quiet_NaN();

enum Section
{
    OTHER,
    IMAGES,
    ANNOTATIONS,
    CATEGORIES
};

const char* const SECTION_NAMES[] = {"", "images", "annotations", "categories"};

enum Field
{
    SKIPPED,
    ID,
    FILE_NAME,
    WIDTH,
    HEIGHT,
    IMAGE_ID,
    CATEGORY_ID,
    BBOX,
    AREA,
    ISCROWD,
    SEGMENTATION,
    NAME,
    COCO_URL,
    GROUP,
    SCORE,
    TILE_OF,
    KEYPOINTS,
    NUM_KEYPOINTS,
    SKELETON
};

const char* const FIELD_NAMES[] = {
    "",      "id",      "file_name", "width",         "height",  "image_id", "category_id",
    "bbox",  "area",    "iscrowd",   "segmentation",  "name",    "coco_url", "supercategory",
    "score", "tile_of", "keypoints", "num_keypoints", "skeleton"};

struct Known
{
    Section section;
    Field field;
    bool required;
};

const Known KNOWN[] = {{IMAGES, ID, true},
                       {IMAGES, FILE_NAME, false},  // or COCO_URL
                       {IMAGES, COCO_URL, false},
                       {IMAGES, TILE_OF, false},
                       {IMAGES, WIDTH, false},
                       {IMAGES, HEIGHT, false},
                       {ANNOTATIONS, ID, false},
                       {ANNOTATIONS, IMAGE_ID, true},
                       {ANNOTATIONS, CATEGORY_ID, true},
                       {ANNOTATIONS, BBOX, false},
                       {ANNOTATIONS, AREA, false},
                       {ANNOTATIONS, ISCROWD, false},
                       {ANNOTATIONS, SEGMENTATION, false},
                       {ANNOTATIONS, SCORE, false},
                       {ANNOTATIONS, KEYPOINTS, false},
                       {ANNOTATIONS, NUM_KEYPOINTS, false},
                       {CATEGORIES, KEYPOINTS, false},
                       {CATEGORIES, SKELETON, false},
                       {CATEGORIES, ID, true},
                       {CATEGORIES, NAME, true},
                       {CATEGORIES, GROUP, false}};

//! Numbers below this are never ids of a file.
constexpr int64_t FIRST_ID = std::numeric_limits<int64_t>::min() / 2;

/** Ids that are texts, and missing ids. As annotations may stand before the images that they name, a text gets a
    provisional number below FIRST_ID first, and a free one of the file's own kind at the end. */
class TextIds
{
public:
    int64_t provisional(const std::string& text)
    {
        return ids_.emplace(text, std::numeric_limits<int64_t>::min() + count_).second
                   ? std::numeric_limits<int64_t>::min() + count_++
                   : ids_.at(text);
    }

    int64_t provisional() { return std::numeric_limits<int64_t>::min() + count_++; }
    bool empty() const { return count_ == 0; }

    //! Gives the final number for a provisional one. @param used ids of the file.
    int64_t final(int64_t id, const std::unordered_set<int64_t>& used)
    {
        if (id >= FIRST_ID)
            return id;
        const auto inserted = final_.emplace(id, 0);
        if (inserted.second)
        {
            while (used.count(next_))
                next_++;
            inserted.first->second = next_++;
        }
        return inserted.first->second;
    }

    //! The texts of provisional numbers.
    std::unordered_map<int64_t, std::string> texts() const
    {
        std::unordered_map<int64_t, std::string> texts;
        for (const auto& id : ids_)
            texts.emplace(id.second, id.first);
        return texts;
    }

private:
    std::unordered_map<std::string, int64_t> ids_;
    std::unordered_map<int64_t, int64_t> final_;
    int64_t count_ = 0, next_ = 1;
};

//! The last two parts of an address such as ".../val2017/000000000139.jpg"; LVIS has no other file name.
std::string nameInUrl(const std::string& url)
{
    const size_t last = url.rfind('/');
    const size_t before = last == std::string::npos || last == 0 ? last : url.rfind('/', last - 1);
    return before == std::string::npos ? url : url.substr(before + 1);
}

//! The box that an outline spans; false if it has none.
bool boxOf(Segmentation outline, double box[4])
try
{
    if (!cleanOutline(outline))
        return false;
    if (outline.polygons.empty())
    {
        const cv::Rect bounds = cv::d2det::rleBoundingBox(toRle(outline, outline.height, outline.width));
        for (int i = 0; i < 4; i++)
            box[i] = i == 0 ? bounds.x : i == 1 ? bounds.y : i == 2 ? bounds.width : bounds.height;
        return !bounds.empty();
    }
    return boundsOfPolygons(outline.polygons, box) && box[2] > 0 && box[3] > 0;
}
catch (const cv::Exception&)
{
    return false;
}

bool isBox(const RawAnnotation& a)
{
    return a.boxValues == 4 && std::isfinite(a.box[0]) && std::isfinite(a.box[1]) && std::isfinite(a.box[2]) &&
           std::isfinite(a.box[3]) && a.box[2] > 0 && a.box[3] > 0;
}

//! A list of points [[x, y], [x, y], ...] is one outline, not many of one point.
void joinPoints(Segmentation& outline)
{
    std::vector<std::vector<double>>& rings = outline.polygons;
    if (rings.size() < 3 || std::any_of(rings.begin(), rings.end(), [](const auto& ring) { return ring.size() != 2; }))
        return;
    std::vector<double> joined;
    for (const std::vector<double>& ring : rings)
        joined.insert(joined.end(), ring.begin(), ring.end());
    rings = {joined};
}

}  // namespace

//! Event handler of nlohmann::json::sax_parse.
class CocoHandler
{
public:
    CocoHandler(const std::string& path, bool keepSegmentation, bool keepKeypoints)
        : path_(path), keepSegmentation_(keepSegmentation), keepKeypoints_(keepKeypoints)
    {
    }

    bool null();
    bool boolean(bool value);
    bool number_integer(int64_t value) { return number(JsonNumber(value)); }
    bool number_unsigned(uint64_t value) { return number(JsonNumber(value)); }
    bool number_float(double value, const std::string&) { return number(JsonNumber(value)); }
    bool string(std::string& value);
    bool binary(nlohmann::json::binary_t&) { return true; }
    bool start_object(size_t);
    bool end_object();
    bool start_array(size_t);
    bool end_array();
    bool key(std::string& name);
    bool parse_error(size_t position, const std::string& token, const nlohmann::json::exception& error);

    void finish();
    RawDataset raw;

private:
    [[noreturn]] void fail(const std::string& reason) const;
    [[noreturn]] void failField(const char* found, const char* expected) const;
    std::string place() const;
    void enter(bool object);
    void beginItem();
    void endItem();
    bool number(const JsonNumber& number);
    void segmentationNumber(double value);
    void setInteger(int64_t value);
    void setProvisional(int64_t value);
    bool setText(const std::string& value);
    int toSide(int64_t value, Field field) const;
    void endAnnotation();
    void spoilSegmentation(const std::string& reason);
    void replaceProvisionalIds();
    void repairCategories();
    bool inItem() const { return depth_ == 3 && section_ != OTHER && field_ != SKIPPED; }
    static bool isOfKeypoints(Field field) { return field == KEYPOINTS || field == NUM_KEYPOINTS || field == SKELETON; }
    //! Of use in one type only; other types are as good as a missing key.
    bool isFree() const
    {
        return field_ == COCO_URL || field_ == GROUP || field_ == SCORE || field_ == TILE_OF || isOfKeypoints(field_);
    }
    //! The list of an annotation, or what is in its place.
    bool inKeypoints() const { return depth_ >= 3 && field_ == KEYPOINTS && section_ == ANNOTATIONS; }
    void addKeypointValue(double value);
    void addKeypointName(const std::string& name);
    bool inSegmentation() const { return depth_ > 3 && field_ == SEGMENTATION; }
    bool hasSegmentation() const
    {
        return !segmentation_.polygons.empty() || !segmentation_.counts.empty() || !segmentation_.compressed.empty();
    }

    std::string path_;
    bool keepSegmentation_, keepKeypoints_;
    int depth_ = 0;
    Section section_ = OTHER;
    bool seen_[4] = {false, false, false, false};
    Field field_ = SKIPPED;
    unsigned fieldsSeen_ = 0;  // bit per Field of the current item
    bool segmentationObject_ = false;
    std::string segmentationKey_;
    int64_t item_ = 0;  // index in the array
    RawImage image_;
    int64_t width_ = 0, height_ = 0;  // of image_
    RawAnnotation annotation_;
    RawCategory category_;
    std::string url_;            // "coco_url" of image_
    Segmentation segmentation_;  // of annotation_
    bool spoiled_ = false;       // segmentation_ has a value that is none
    RawKeypoints keypoints_;     // of annotation_
    TextIds imageIds_, categoryIds_, annotationIds_;
};

std::string CocoHandler::place() const
{
    if (section_ == OTHER || depth_ < 2)
        return path_;
    std::string text = path_ + ": " + SECTION_NAMES[section_];
    if (depth_ < 3)
        return text;
    text += "[" + std::to_string(item_) + "]";
    if (fieldsSeen_ & (1u << ID))
        text += " (id " +
                std::to_string(section_ == IMAGES        ? image_.id
                               : section_ == ANNOTATIONS ? annotation_.id
                                                         : category_.id) +
                ")";
    return text;
}

void CocoHandler::fail(const std::string& reason) const
{
    throw std::runtime_error(place() + ": " + reason);
}

void CocoHandler::failField(const char* found, const char* expected) const
{
    fail(std::string("\"") + FIELD_NAMES[field_] + "\" is " + found + ", expected " + expected);
}

void CocoHandler::enter(bool object)
{
    if (depth_ == 0 && !object)
        fail(
            "the file is a list; expected a COCO object with \"images\", \"annotations\" and \"categories\" (a list is "
            "the format of results)");
    if (depth_ == 1 && section_ != OTHER && object)
        fail(std::string("\"") + SECTION_NAMES[section_] + "\" is an object, expected a list");
    if (depth_ == 2 && section_ != OTHER && !object)
        fail(std::string("an entry of \"") + SECTION_NAMES[section_] + "\" is a list, expected an object");
    if (inItem() && field_ != SEGMENTATION && !isFree() && !(field_ == BBOX && !object))
        failField(object ? "an object" : "a list", field_ == BBOX ? "a list of 4 numbers" : "a single value");
    if (inKeypoints() && (depth_ > 3 || object))
        keypoints_.spoiled = true;
    if (++depth_ > MAX_DEPTH)
        fail("nested deeper than " + std::to_string(MAX_DEPTH));
}

bool CocoHandler::start_object(size_t)
{
    enter(true);
    if (depth_ == 3 && section_ != OTHER)
        beginItem();
    else if (depth_ == 4 && field_ == SEGMENTATION)
    {
        segmentationObject_ = true;
        segmentationKey_.clear();
    }
    return true;
}

bool CocoHandler::end_object()
{
    if (depth_ == 3 && section_ != OTHER)
        endItem();
    depth_--;
    return true;
}

bool CocoHandler::start_array(size_t)
{
    enter(false);
    if (depth_ == 2)
        item_ = 0;
    if (depth_ == 4 && field_ == BBOX)
        annotation_.boxValues = 0;
    if (depth_ == 4)
        segmentationObject_ = false;
    if (depth_ == 5 && field_ == SKELETON && category_.skeleton.size() < MAX_LINES)
        category_.skeleton.emplace_back();
    // Regular form: [[x, y, ...], ...]; [x, y, ...] directly under "segmentation" is read as one polygon.
    if (depth_ == 5 && inSegmentation() && !segmentationObject_)
        segmentation_.polygons.emplace_back();
    return true;
}

bool CocoHandler::end_array()
{
    depth_--;
    return true;
}

bool CocoHandler::key(std::string& name)
{
    if (depth_ == 1)
    {
        section_ = OTHER;
        for (int s = IMAGES; s <= CATEGORIES; s++)
            if (name == SECTION_NAMES[s])
                section_ = static_cast<Section>(s);
        if (section_ != OTHER && seen_[section_])
            fail("\"" + name + "\" occurs twice");
        seen_[section_] = true;
    }
    else if (depth_ == 3)
    {
        field_ = SKIPPED;
        for (const Known& known : KNOWN)
            if (known.section == section_ && name == FIELD_NAMES[known.field] &&
                (keepKeypoints_ || !isOfKeypoints(known.field)))
                field_ = known.field;
    }
    else if (depth_ == 4 && segmentationObject_)
        segmentationKey_ = name.substr(0, 16);
    return true;
}

void CocoHandler::beginItem()
{
    field_ = SKIPPED;
    fieldsSeen_ = 0;
    image_ = RawImage();
    annotation_ = RawAnnotation();
    category_ = RawCategory();
    width_ = height_ = 0;
    url_.clear();
    segmentation_ = Segmentation();
    spoiled_ = false;
    keypoints_ = RawKeypoints();
}

void CocoHandler::addKeypointValue(double value)
{
    keypoints_.spoiled = keypoints_.spoiled || depth_ != 4;
    if (keypoints_.values.size() <= 3 * MAX_KEYPOINTS)  // one more than there can be: the list is too long
        keypoints_.values.push_back(value);
}

void CocoHandler::addKeypointName(const std::string& name)
{
    if (category_.keypoints.size() >= MAX_KEYPOINTS)
        fail("\"keypoints\" has more than " + std::to_string(MAX_KEYPOINTS) + " names");
    category_.keypoints.push_back(name);
}

void CocoHandler::endAnnotation()
{
    if (!(fieldsSeen_ & (1u << ID)))
        annotation_.id = annotationIds_.provisional();
    joinPoints(segmentation_);
    if (!isBox(annotation_) && hasSegmentation() && !spoiled_ && boxOf(segmentation_, annotation_.box))
    {
        annotation_.boxValues = 4;
        annotation_.boxOfOutline = true;
    }
    if (keepSegmentation_ && hasSegmentation())
    {
        annotation_.segmentation = static_cast<int64_t>(raw.segmentations.size());
        raw.segmentations.push_back(std::move(segmentation_));
    }
    if (!keypoints_.values.empty() || keypoints_.spoiled)
    {
        annotation_.keypoints = static_cast<int64_t>(raw.keypoints.size());
        raw.keypoints.push_back(std::move(keypoints_));
    }
    raw.annotations.push_back(annotation_);
}

void CocoHandler::endItem()
{
    for (const Known& known : KNOWN)
        if (known.section == section_ && known.required && !(fieldsSeen_ & (1u << known.field)))
            fail(std::string("\"") + FIELD_NAMES[known.field] + "\" is missing");
    if (section_ == IMAGES)
    {
        if (!(fieldsSeen_ & (1u << FILE_NAME)))
        {
            if (url_.empty())
                fail("\"file_name\" is missing");
            image_.fileName = nameInUrl(url_);
        }
        image_.fileName = withSlashes(image_.fileName);
        image_.width = toSide(width_, WIDTH);
        image_.height = toSide(height_, HEIGHT);
        if (image_.width == 0 || image_.height == 0)
            image_.width = image_.height = 0;
        raw.images.push_back(std::move(image_));
    }
    else if (section_ == ANNOTATIONS)
        endAnnotation();
    else
        raw.categories.push_back(std::move(category_));
    item_++;
    field_ = SKIPPED;
}

//! Checked at the end of an image, when its id is known. 0: unknown.
int CocoHandler::toSide(int64_t value, Field field) const
{
    if (value < 0 || value > MAX_SIDE)
        fail(std::string("\"") + FIELD_NAMES[field] + "\" is " + std::to_string(value) + ", expected 1 to " +
             std::to_string(MAX_SIDE) + " pixels");
    return static_cast<int>(value);
}

void CocoHandler::setInteger(int64_t value)
{
    if (value < FIRST_ID)
        failField(("the number " + std::to_string(value)).c_str(), "an id of usual size");
    setProvisional(value);
}

void CocoHandler::setProvisional(int64_t value)
{
    switch (field_)
    {
        case ID:
            (section_ == IMAGES ? image_.id : section_ == ANNOTATIONS ? annotation_.id : category_.id) = value;
            break;
        case IMAGE_ID:
            annotation_.imageId = value;
            break;
        case CATEGORY_ID:
            annotation_.categoryId = value;
            break;
        case WIDTH:
            width_ = value;
            break;
        case HEIGHT:
            height_ = value;
            break;
        case ISCROWD:
            annotation_.crowd = value != 0;
            break;
        default:
            break;
    }
}

//! An error if outlines are needed; without them only the box is lost.
void CocoHandler::spoilSegmentation(const std::string& reason)
{
    if (keepSegmentation_)
        fail(reason);
    spoiled_ = true;
}

void CocoHandler::segmentationNumber(double value)
{
    if (!segmentationObject_)
    {
        if (segmentation_.polygons.empty())
            segmentation_.polygons.emplace_back();
        segmentation_.polygons.back().push_back(value);
    }
    else if (segmentationKey_ == "counts")
    {
        if (!(value >= 0 && value <= 4294967295.))
            return spoilSegmentation("\"segmentation\" has the run length " + std::to_string(value));
        segmentation_.counts.push_back(static_cast<uint32_t>(value));
    }
    else if (segmentationKey_ == "size")
    {
        if (!(value >= 0 && value <= MAX_SIDE))
            return spoilSegmentation("\"segmentation\" has the size " + std::to_string(value));
        (segmentation_.height == 0 ? segmentation_.height : segmentation_.width) = static_cast<int>(value);
    }
}

/** A text where a number may be expected: texts that are numbers are numbers, others are names of images, categories
    and annotations. False if it is neither. */
bool CocoHandler::setText(const std::string& value)
{
    double number = 0;
    int64_t whole = 0;
    const bool isId = field_ == ID || field_ == IMAGE_ID || field_ == CATEGORY_ID;
    if (parseInteger(value, whole) && field_ != BBOX && field_ != SEGMENTATION)
        return this->number(JsonNumber(whole));
    if (field_ == AREA && parseNumber(value, number))
        return this->number(JsonNumber(number));
    if (!isId || value.empty())
        return false;
    fieldsSeen_ |= 1u << field_;
    const bool image = field_ == IMAGE_ID || (field_ == ID && section_ == IMAGES);
    const bool annotation = field_ == ID && section_ == ANNOTATIONS;
    setProvisional((image ? imageIds_ : annotation ? annotationIds_ : categoryIds_).provisional(value));
    return true;
}

bool CocoHandler::number(const JsonNumber& number)
{
    if (depth_ == 0)
        fail("the file is a number; expected a COCO object");
    if (depth_ == 1 && section_ != OTHER)
        fail(std::string("\"") + SECTION_NAMES[section_] + "\" is a number, expected a list");
    if (depth_ == 2 && section_ != OTHER)
        fail(std::string("an entry of \"") + SECTION_NAMES[section_] + "\" is a number, expected an object");
    if (depth_ == 4 && field_ == BBOX)
    {
        if (annotation_.boxValues < 4)
            annotation_.box[annotation_.boxValues] = number.value;
        annotation_.boxValues = std::min(annotation_.boxValues + 1, 5);
        return true;
    }
    if (inSegmentation())
        segmentationNumber(number.value);
    if (inKeypoints())
        addKeypointValue(number.value);
    if (depth_ == 4 && field_ == KEYPOINTS && section_ == CATEGORIES)
        addKeypointName(number.integral ? std::to_string(number.integer) : std::to_string(number.value));
    if (depth_ == 5 && field_ == SKELETON && !category_.skeleton.empty() && category_.skeleton.back().size() < 3)
        category_.skeleton.back().push_back(number.value);
    if (!inItem())
        return true;
    fieldsSeen_ |= 1u << field_;
    if (field_ == AREA)
        annotation_.area = number.value;
    else if (field_ == SCORE)
        annotation_.score = number.value;
    else if (field_ == NUM_KEYPOINTS)
        keypoints_.count = number.integral && number.integer >= 0
                               ? static_cast<int>(std::min<int64_t>(number.integer, 3 * MAX_KEYPOINTS))
                               : -1;
    else if (isFree())
        return true;
    else if (field_ == FILE_NAME || field_ == NAME)
        failField("a number", "a text");
    else if (field_ == BBOX || field_ == SEGMENTATION)
        failField("a number", "a list");
    else if (!number.integral)
        failField(("the number " + std::to_string(number.value)).c_str(), "an integer");
    else
        setInteger(number.integer);
    return true;
}

bool CocoHandler::boolean(bool value)
{
    keypoints_.spoiled = keypoints_.spoiled || inKeypoints();
    if (inItem() && isFree())
        return true;
    if (inItem() && field_ != ISCROWD)
        failField("true or false", "another type");
    if (inItem() || depth_ < 3)
        number(JsonNumber(int64_t{value}));
    return true;
}

bool CocoHandler::null()
{
    const bool needed = field_ == FILE_NAME || field_ == NAME || field_ == IMAGE_ID || field_ == CATEGORY_ID ||
                        (field_ == ID && section_ != ANNOTATIONS);
    if (inItem() && !needed)
        return true;  // equivalent to a missing key
    if (inItem())
        failField("null", "a value");
    if (depth_ < 3 && section_ != OTHER)
        fail("null in \"" + std::string(SECTION_NAMES[section_]) + "\"");
    if ((depth_ == 4 && field_ == BBOX) || inKeypoints())
        number(JsonNumber(NOT_A_NUMBER));
    return true;
}

bool CocoHandler::string(std::string& value)
{
    if (inItem() && (field_ == FILE_NAME || field_ == NAME))
    {
        fieldsSeen_ |= 1u << field_;
        (field_ == FILE_NAME ? image_.fileName : category_.name) = value;
        return true;
    }
    if (inItem() && (field_ == SCORE || isOfKeypoints(field_)))
    {
        keypoints_.spoiled = keypoints_.spoiled || inKeypoints();
        return true;
    }
    if (depth_ == 4 && field_ == KEYPOINTS && section_ == CATEGORIES)
    {
        addKeypointName(value);
        return true;
    }
    if (inItem() && isFree())
    {
        (field_ == COCO_URL ? url_ : field_ == TILE_OF ? image_.tileOf : category_.group) = value;
        return true;
    }
    const bool isId = field_ == ID || field_ == IMAGE_ID || field_ == CATEGORY_ID;
    const bool numeric = JsonFileBuffer::notANumber(value) && !(inItem() && isId);
    if (numeric && depth_ >= 3)
        number(JsonNumber(NOT_A_NUMBER));
    else if (double parsed = 0; ((depth_ == 4 && field_ == BBOX) || inKeypoints()) && parseNumber(value, parsed))
        number(JsonNumber(parsed));
    else if (inKeypoints())
        keypoints_.spoiled = true;
    else if (inItem())
    {
        if (!setText(value))
            failField("a text", field_ == BBOX || field_ == SEGMENTATION ? "a list" : "a number");
    }
    else if (depth_ == 4 && field_ == BBOX)
        fail("\"bbox\" contains a text, expected 4 numbers");
    else if (depth_ < 3 && section_ != OTHER)
        fail("a text in \"" + std::string(SECTION_NAMES[section_]) + "\", expected a list of objects");
    else if (depth_ == 4 && inSegmentation() && segmentationObject_ && segmentationKey_ == "counts")
        segmentation_.compressed = value;
    return true;
}

bool CocoHandler::parse_error(size_t position, const std::string&, const nlohmann::json::exception& error)
{
    std::string reason = error.what();
    const size_t bracket = reason.find("] ");  // "[json.exception.parse_error.101] ..."
    if (bracket != std::string::npos)
        reason = reason.substr(bracket + 2);
    if (reason.size() > 300)
        reason = reason.substr(0, 300) + " ...";
    throw std::runtime_error(path_ + ": not valid JSON at byte " + std::to_string(position) + ": " + reason);
}

void CocoHandler::finish()
{
    for (int s = IMAGES; s <= CATEGORIES; s++)
        if (!seen_[s])
            throw std::runtime_error(path_ + ": no \"" + SECTION_NAMES[s] +
                                     "\"; is this a COCO \"instances\" file (not captions, panoptic or results)?");
    replaceProvisionalIds();
    repairCategories();
}

void CocoHandler::replaceProvisionalIds()
{
    std::unordered_set<int64_t> used;
    if (!imageIds_.empty())
    {
        const std::unordered_map<int64_t, std::string> texts = imageIds_.texts();
        for (const RawImage& image : raw.images)
            used.insert(image.id);
        for (RawImage& image : raw.images)
        {
            const auto text = texts.find(image.id);
            image.idText = text == texts.end() ? "" : text->second;
            image.id = imageIds_.final(image.id, used);
        }
        for (RawAnnotation& annotation : raw.annotations)
            annotation.imageId = imageIds_.final(annotation.imageId, used);
        used.clear();
    }
    if (!categoryIds_.empty())
    {
        for (const RawCategory& category : raw.categories)
            used.insert(category.id);
        for (RawCategory& category : raw.categories)
            category.id = categoryIds_.final(category.id, used);
        for (RawAnnotation& annotation : raw.annotations)
            annotation.categoryId = categoryIds_.final(annotation.categoryId, used);
        used.clear();
    }
    if (annotationIds_.empty())
        return;
    for (const RawAnnotation& annotation : raw.annotations)
        used.insert(annotation.id);
    for (RawAnnotation& annotation : raw.annotations)
        annotation.id = annotationIds_.final(annotation.id, used);
}

/** Leaves out entries that are no classes: one listed twice, one without annotations that has the name of another, and
    the entry for the project itself in Roboflow's files, which all others name as their supercategory. */
void CocoHandler::repairCategories()
{
    std::unordered_set<int64_t> used;
    for (const RawAnnotation& annotation : raw.annotations)
        used.insert(annotation.categoryId);
    std::unordered_map<std::string, int64_t> firstId, members;  // of a name, by a supercategory
    std::unordered_set<std::string> usedNames;
    for (const RawCategory& category : raw.categories)
    {
        firstId.emplace(category.name, category.id);
        members[category.group]++;
        if (used.count(category.id))
            usedNames.insert(category.name);
    }
    const auto isGrouping = [&](const RawCategory& category)
    {
        const auto found = members.find(category.name);
        return raw.categories.size() > 1 && (category.group.empty() || category.group == "none") &&
               category.group != category.name && found != members.end() &&
               found->second == static_cast<int64_t>(raw.categories.size()) - 1;
    };
    std::vector<RawCategory> kept;
    std::set<std::pair<int64_t, std::string>> seen;
    for (const RawCategory& category : raw.categories)
    {
        const std::string title = "category " + inQuotes(category.name) + " (id " + std::to_string(category.id) + ")";
        const bool unused = !used.count(category.id);
        if (!seen.emplace(category.id, category.name).second)
            raw.notes.push_back(title + " is listed twice; taken once");
        else if (unused && (usedNames.count(category.name) || category.id != firstId.at(category.name)))
            raw.notes.push_back(title + " has no annotation and the name of another one; left out");
        else if (unused && isGrouping(category))
            raw.notes.push_back(title + " has no annotation and only groups the others; left out");
        else
            kept.push_back(category);
    }
    raw.categories = std::move(kept);
}

RawDataset parseCoco(const std::string& path, bool keepSegmentation, bool keepKeypoints)
{
    JsonFileBuffer buffer(path, MAX_TOKEN);
    std::istream stream(&buffer);
    CocoHandler handler(path, keepSegmentation, keepKeypoints);
    nlohmann::json::sax_parse(stream, &handler);
    handler.finish();
    handler.raw.path = path;
    handler.raw.name = std::filesystem::path(path).stem().string();
    return std::move(handler.raw);
}

}  // namespace d2det
