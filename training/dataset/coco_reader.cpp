// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Nesting depth of the parser events by their container: 1 the top-level object, 2 one of the three arrays, 3 an image,
   annotation or category, 4 "bbox" or "segmentation", 5 a polygon or "counts". Everything else is skipped without
   being stored. The parser itself is not recursive; the depth is limited nevertheless. */

#include "dataset/coco_reader.hpp"

#include "base/json_stream.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <istream>
#include <stdexcept>

namespace d2det
{

namespace
{

constexpr int MAX_DEPTH = 64;
constexpr size_t MAX_TOKEN = 4 << 20;  // bytes; COCO's longest run-length string has some 10 000
constexpr int64_t MAX_SIDE = 1 << 16;  // pixels
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
    NAME
};

const char* const FIELD_NAMES[] = {"",     "id",   "file_name", "width",        "height", "image_id", "category_id",
                                   "bbox", "area", "iscrowd",   "segmentation", "name"};

struct Known
{
    Section section;
    Field field;
    bool required;
};

const Known KNOWN[] = {{IMAGES, ID, true},
                       {IMAGES, FILE_NAME, true},
                       {IMAGES, WIDTH, true},
                       {IMAGES, HEIGHT, true},
                       {ANNOTATIONS, ID, true},
                       {ANNOTATIONS, IMAGE_ID, true},
                       {ANNOTATIONS, CATEGORY_ID, true},
                       {ANNOTATIONS, BBOX, false},
                       {ANNOTATIONS, AREA, false},
                       {ANNOTATIONS, ISCROWD, false},
                       {ANNOTATIONS, SEGMENTATION, false},
                       {CATEGORIES, ID, true},
                       {CATEGORIES, NAME, true}};

}  // namespace

//! Event handler of nlohmann::json::sax_parse.
class CocoHandler
{
public:
    CocoHandler(const std::string& path, bool keepSegmentation) : path_(path), keepSegmentation_(keepSegmentation) {}

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

    void finish() const;
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
    int toSide(int64_t value, Field field) const;
    Segmentation& segmentation();
    bool inItem() const { return depth_ == 3 && section_ != OTHER && field_ != SKIPPED; }
    bool inSegmentation() const { return depth_ > 3 && field_ == SEGMENTATION && keepSegmentation_; }

    std::string path_;
    bool keepSegmentation_;
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
    if (inItem() && field_ != SEGMENTATION && !(field_ == BBOX && !object))
        failField(object ? "an object" : "a list", field_ == BBOX ? "a list of 4 numbers" : "a single value");
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
    // Regular form: [[x, y, ...], ...]; [x, y, ...] directly under "segmentation" is read as one polygon.
    if (depth_ == 5 && inSegmentation() && !segmentationObject_)
        segmentation().polygons.emplace_back();
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
            if (known.section == section_ && name == FIELD_NAMES[known.field])
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
}

void CocoHandler::endItem()
{
    for (const Known& known : KNOWN)
        if (known.section == section_ && known.required && !(fieldsSeen_ & (1u << known.field)))
            fail(std::string("\"") + FIELD_NAMES[known.field] + "\" is missing");
    if (section_ == IMAGES)
    {
        image_.width = toSide(width_, WIDTH);
        image_.height = toSide(height_, HEIGHT);
        raw.images.push_back(std::move(image_));
    }
    else if (section_ == ANNOTATIONS)
        raw.annotations.push_back(annotation_);
    else
        raw.categories.push_back(std::move(category_));
    item_++;
    field_ = SKIPPED;
}

//! Created at the first value, so that annotations without an outline need no memory.
Segmentation& CocoHandler::segmentation()
{
    if (annotation_.segmentation < 0)
    {
        annotation_.segmentation = static_cast<int64_t>(raw.segmentations.size());
        raw.segmentations.emplace_back();
    }
    return raw.segmentations[static_cast<size_t>(annotation_.segmentation)];
}

//! Checked at the end of an image, when its id is known.
int CocoHandler::toSide(int64_t value, Field field) const
{
    if (value < 1 || value > MAX_SIDE)
        fail(std::string("\"") + FIELD_NAMES[field] + "\" is " + std::to_string(value) + ", expected 1 to " +
             std::to_string(MAX_SIDE) + " pixels");
    return static_cast<int>(value);
}

void CocoHandler::setInteger(int64_t value)
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

void CocoHandler::segmentationNumber(double value)
{
    Segmentation& target = segmentation();
    if (!segmentationObject_)
    {
        if (target.polygons.empty())
            target.polygons.emplace_back();
        target.polygons.back().push_back(value);
    }
    else if (segmentationKey_ == "counts")
    {
        if (!(value >= 0 && value <= 4294967295.))
            fail("\"segmentation\" has the run length " + std::to_string(value));
        target.counts.push_back(static_cast<uint32_t>(value));
    }
    else if (segmentationKey_ == "size")
    {
        if (!(value >= 0 && value <= MAX_SIDE))
            fail("\"segmentation\" has the size " + std::to_string(value));
        (target.height == 0 ? target.height : target.width) = static_cast<int>(value);
    }
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
    if (!inItem())
        return true;
    fieldsSeen_ |= 1u << field_;
    if (field_ == AREA)
        annotation_.area = number.value;
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
    if (inItem() && field_ != ISCROWD)
        failField("true or false", "another type");
    if (inItem() || depth_ < 3)
        number(JsonNumber(int64_t{value}));
    return true;
}

bool CocoHandler::null()
{
    if (inItem() && (field_ == BBOX || field_ == SEGMENTATION || field_ == AREA || field_ == ISCROWD))
        return true;  // equivalent to a missing key
    if (inItem())
        failField("null", "a value");
    if (depth_ < 3 && section_ != OTHER)
        fail("null in \"" + std::string(SECTION_NAMES[section_]) + "\"");
    if (depth_ == 4 && field_ == BBOX)
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
    const bool numeric = JsonFileBuffer::notANumber(value);
    if (numeric && depth_ >= 3)
        number(JsonNumber(NOT_A_NUMBER));
    else if (inItem())
        failField("a text", "a number or list");
    else if (depth_ == 4 && field_ == BBOX)
        fail("\"bbox\" contains a text, expected 4 numbers");
    else if (depth_ < 3 && section_ != OTHER)
        fail("a text in \"" + std::string(SECTION_NAMES[section_]) + "\", expected a list of objects");
    else if (depth_ == 4 && inSegmentation() && segmentationObject_ && segmentationKey_ == "counts")
        segmentation().compressed = value;
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

void CocoHandler::finish() const
{
    for (int s = IMAGES; s <= CATEGORIES; s++)
        if (!seen_[s])
            throw std::runtime_error(path_ + ": no \"" + SECTION_NAMES[s] +
                                     "\"; is this a COCO \"instances\" file (not captions, panoptic or results)?");
}

RawDataset parseCoco(const std::string& path, bool keepSegmentation)
{
    JsonFileBuffer buffer(path, MAX_TOKEN);
    std::istream stream(&buffer);
    CocoHandler handler(path, keepSegmentation);
    nlohmann::json::sax_parse(stream, &handler);
    handler.finish();
    handler.raw.path = path;
    handler.raw.name = std::filesystem::path(path).stem().string();
    return std::move(handler.raw);
}

}  // namespace d2det
