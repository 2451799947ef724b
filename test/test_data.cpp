// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Annotation files, augmentation, batches and the structures they fill. All files are written by the tests into a
   temporary folder; the suite "shared" reads real data sets, see shared_data.hpp. */

#define BOOST_TEST_MODULE data
#include <boost/test/unit_test.hpp>

#include "base/error.hpp"
#include "dataset/augment.hpp"
#include "dataset/dataset.hpp"
#include "dataset/geometry.hpp"
#include "dataset/pixel_effects.hpp"
#include "engine/loader.hpp"
#include "exif_jpeg.hpp"
#include "dataset/sampler.hpp"
#include "dataset/segmentation.hpp"
#include "shared_data.hpp"
#include "structures/structures.hpp"
#include "errors.hpp"
#include "temp_folder.hpp"

#include <opencv2/d2det/detector.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

namespace fs = std::filesystem;
using nlohmann::json;
using namespace d2det;
using d2det::test::checkContains;
using d2det::test::requireError;
using Folder = d2det::test::TempFolder;

namespace
{

//! A correct annotation file: 2 images, 2 categories with a gap and in reverse order, 3 annotations, one a crowd.
json smallCoco()
{
    return json::parse(R"({
        "annotations": [
            {"id": 5, "image_id": 20, "category_id": 9, "bbox": [1.5, 2, 10, 12.25], "area": 100.5, "iscrowd": 0},
            {"id": 6, "image_id": 10, "category_id": 3, "bbox": [0, 0, 40, 30], "iscrowd": 1},
            {"id": 0, "image_id": 20, "category_id": 3, "bbox": [3, 4, 5, 6]}],
        "info": {"nested": [{"images": [1, 2, {"id": "x"}]}]},
        "categories": [{"id": 9, "name": "zebra", "supercategory": "animal"}, {"id": 3, "name": "ape"}],
        "images": [
            {"id": 10, "file_name": "b.png", "width": 40, "height": 30, "license": null},
            {"id": 20, "file_name": "a.png", "width": 50, "height": 60}]})");
}

ReadOptions unchecked()
{
    ReadOptions options;
    options.checkImages = false;
    return options;
}

Dataset readJson(const Folder& folder, const json& content, const ReadOptions& options = unchecked())
{
    return readDataset(folder.write("a.json", content.dump()), folder.path(), options);
}

void requireReadError(const json& content, const std::vector<std::string>& expected)
{
    const Folder folder;
    requireError([&] { readJson(folder, content); }, expected);
}

//! Noise with one bright rectangle: red and green are at least 200 inside and at most 60 outside.
cv::Mat rectangleImage(cv::Size size, cv::Rect rectangle, int seed)
{
    cv::Mat image(size, CV_8UC3);
    cv::RNG rng(static_cast<uint64_t>(seed) + 1);
    rng.fill(image, cv::RNG::UNIFORM, 0, 60);
    cv::Mat inside = image(rectangle);
    inside += cv::Scalar::all(195);
    return image;
}

//! A data set of images with one bright rectangle each, in lossless files.
struct RectangleSet
{
    explicit RectangleSet(int count, cv::Size smallest = {60, 50})
    {
        cv::RNG rng(7);
        json images = json::array(), annotations = json::array();
        for (int i = 0; i < count; i++)
        {
            const cv::Size size(smallest.width + rng.uniform(0, 50), smallest.height + rng.uniform(0, 60));
            const cv::Rect box(rng.uniform(0, size.width / 3), rng.uniform(0, size.height / 3),
                               rng.uniform(16, size.width / 2), rng.uniform(16, size.height / 2));
            const std::string name = "image" + std::to_string(100 + i) + ".png";
            BOOST_REQUIRE(cv::imwrite(folder / name, rectangleImage(size, box, i)));
            images.push_back({{"id", i + 1}, {"file_name", name}, {"width", size.width}, {"height", size.height}});
            annotations.push_back({{"id", i + 1},
                                   {"image_id", i + 1},
                                   {"category_id", 1 + i % 2},
                                   {"bbox", {box.x, box.y, box.width, box.height}}});
            if (i % 3 > 0)  // every third object has no outline
                annotations.back()["segmentation"] = {
                    {box.x, box.y, box.br().x, box.y, box.br().x, box.br().y, box.x, box.br().y}};
        }
        content = {{"images", images},
                   {"annotations", annotations},
                   {"categories", {{{"id", 1}, {"name", "one"}}, {{"id", 2}, {"name", "two"}}}}};
    }

    Dataset read(bool keepSegmentation = false) const
    {
        ReadOptions options;
        options.keepSegmentation = keepSegmentation;
        return readJson(folder, content, options);
    }

    Folder folder;
    json content;
};

DataConfig plainConfig()
{
    DataConfig config;
    config.shortSides = {64};
    config.longSide = 128;
    config.flip = 0;
    config.workers = 2;
    return config;
}

DataConfig randomConfig()
{
    DataConfig config = plainConfig();
    config.shortSides = {48, 64, 80};
    config.flip = 0.5f;
    config.randomCrop = 0.5f;
    return config;
}

//! Everything that augmentation can do.
DataConfig augmentedConfig()
{
    DataConfig config = randomConfig();
    AugmentConfig& c = config.augment;
    c.cropKeep = 0.3f;
    for (float* probability : {&c.verticalFlip, &c.rightAngle, &c.affine, &c.zoom, &c.mosaic, &c.copyPaste, &c.color,
                               &c.blur, &c.noise, &c.jpeg})
        *probability = 0.5f;
    return config;
}

InputConfig smallInput()
{
    InputConfig input;
    input.shortSide = 64;
    input.longSide = 128;
    return input;
}

bool sameBits(const torch::Tensor& a, const torch::Tensor& b)
{
    return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
           std::memcmp(a.data_ptr(), b.data_ptr(), a.nbytes()) == 0;
}

bool sameBatch(const Batch& a, const Batch& b)
{
    bool same = a.imageIds == b.imageIds && sameBits(a.images.images, b.images.images) &&
                sameBits(a.images.imInfo(), b.images.imInfo()) && a.targets.size() == b.targets.size();
    for (size_t i = 0; same && i < a.targets.size(); i++)
        same = sameBits(a.targets[i].boxes.tensor(), b.targets[i].boxes.tensor()) &&
               sameBits(a.targets[i].labels, b.targets[i].labels) &&
               a.targets[i].masks.defined() == b.targets[i].masks.defined() &&
               (!a.targets[i].masks.defined() || (sameBits(a.targets[i].masks, b.targets[i].masks) &&
                                                  sameBits(a.targets[i].hasMask, b.targets[i].hasMask)));
    return same;
}

std::vector<Batch> take(DataLoader& loader, int count)
{
    std::vector<Batch> batches;
    for (int i = 0; i < count; i++)
        batches.push_back(loader.next());
    return batches;
}

std::vector<Batch> takeAll(DataLoader& loader)
{
    std::vector<Batch> batches;
    Batch batch;
    while (loader.next(batch))
        batches.push_back(batch);
    return batches;
}

double iou(const cv::Rect2d& a, const cv::Rect2d& b)
{
    const double both = (a & b).area();
    return both / (a.area() + b.area() - both);
}

//! Where an image of a batch is bright: the first channel (red) above the middle of the two levels, in 0 .. 255.
cv::Rect2d brightPart(const torch::Tensor& image, const InputConfig& input)
{
    const torch::Tensor red = image[0] * input.std[0] + input.mean[0];
    const torch::Tensor where = torch::nonzero(red > 128);
    BOOST_REQUIRE(where.size(0) > 0);
    const torch::Tensor low = std::get<0>(where.min(0)), high = std::get<0>(where.max(0)) + 1;
    const double y1 = double(low[0].item<int64_t>()), x1 = double(low[1].item<int64_t>());
    return {x1, y1, double(high[1].item<int64_t>()) - x1, double(high[0].item<int64_t>()) - y1};
}

}  // namespace

// ------------------------------------------------------------------ annotation files
BOOST_AUTO_TEST_SUITE(coco)

BOOST_AUTO_TEST_CASE(reads_what_the_file_says)
{
    const Folder folder;
    const Dataset dataset = readJson(folder, smallCoco());
    BOOST_TEST(dataset.name == "a");
    BOOST_TEST(dataset.classNames == (std::vector<std::string>{"ape", "zebra"}));
    BOOST_TEST(dataset.categoryIds == (std::vector<int64_t>{3, 9}));
    BOOST_REQUIRE(dataset.images.size() == 2u);
    BOOST_TEST(dataset.images[0].id == 10);
    BOOST_TEST(dataset.images[0].path == folder / "b.png");
    BOOST_TEST(dataset.images[1].width == 50);
    BOOST_TEST(dataset.images[1].height == 60);
    BOOST_REQUIRE(dataset.images[1].annotations.size() == 2u);
    const Annotation& a = dataset.images[1].annotations[0];
    BOOST_TEST(a.id == 5);
    BOOST_TEST(a.category == 1);
    BOOST_TEST(a.x == 1.5);
    BOOST_TEST(a.y == 2.);
    BOOST_TEST(a.width == 10.);
    BOOST_TEST(a.height == 12.25);
    BOOST_TEST(a.area == 100.5);
    BOOST_TEST(!a.crowd);
    BOOST_TEST(dataset.images[1].annotations[1].id == 0);
    BOOST_TEST(dataset.images[1].annotations[1].area == 30.);
    BOOST_TEST(dataset.images[0].annotations.at(0).crowd);
    BOOST_TEST(dataset.counters.annotations == 3);
    BOOST_TEST(dataset.counters.crowd == 1);
    BOOST_TEST(dataset.counters.dropped == 0);
    BOOST_TEST(dataset.warnings.empty());
    BOOST_TEST(dataset.numAnnotations() == 3);
}

BOOST_AUTO_TEST_CASE(outlines_only_when_asked)
{
    json content = smallCoco();
    content["annotations"][0]["segmentation"] = {{1, 2, 3.5, 4, 5, 6}, {7, 8, 9, 10, 11, 12}};
    content["annotations"][1]["segmentation"] = {{"size", {30, 40}}, {"counts", {0, 1200}}};
    content["annotations"][2]["segmentation"] = {{"counts", "abc`0"}, {"size", {60, 50}}};
    const Folder folder;
    const Dataset without = readJson(folder, content);
    for (const ImageRecord& image : without.images)
        for (const Annotation& annotation : image.annotations)
            BOOST_TEST(!annotation.segmentation);
    ReadOptions options = unchecked();
    options.keepSegmentation = true;
    const Dataset with = readJson(folder, content, options);
    const auto& polygons = with.images[1].annotations.at(0).segmentation;
    BOOST_REQUIRE(polygons.has_value());
    BOOST_TEST(polygons->polygons.size() == 2u);
    BOOST_TEST(polygons->polygons[0] == (std::vector<double>{1, 2, 3.5, 4, 5, 6}));
    const auto& runs = with.images[0].annotations.at(0).segmentation;
    BOOST_REQUIRE(runs.has_value());
    BOOST_TEST(runs->counts == (std::vector<uint32_t>{0, 1200}));
    BOOST_TEST(runs->height == 30);
    BOOST_TEST(runs->width == 40);
    const auto& text = with.images[1].annotations.at(1).segmentation;
    BOOST_REQUIRE(text.has_value());
    BOOST_TEST(text->compressed == "abc`0");
    BOOST_TEST(text->width == 50);
}

BOOST_AUTO_TEST_CASE(missing_files_and_folders)
{
    const Folder folder;
    requireError([&] { readDataset(folder / "none.json", folder.path()); }, {"none.json", "does not exist"});
    requireError([&] { readDataset(folder.path(), folder.path()); }, {folder.path(), "no data set found"});
    const std::string path = folder.write("a.json", smallCoco().dump());
    requireError([&] { readDataset(path, folder / "none"); }, {"image folder", "none", "does not exist"});
    requireError([&] { readDataset(path, path); }, {"is not a folder"});
    requireError([&] { readDataset(path, folder.path()); }, {"none of the first 2 images", "b.png"});
    folder.write("a.png", "");
    BOOST_TEST(readDataset(path, folder.path()).images.size() == 2u);
}

BOOST_AUTO_TEST_CASE(not_json)
{
    const Folder folder;
    const auto read = [&](const std::string& text)
    { readDataset(folder.write("a.json", text), folder.path(), unchecked()); };
    requireError([&] { read(""); }, {"a.json", "not valid JSON", "byte"});
    requireError([&] { read("{\"images\": [}"); }, {"not valid JSON at byte 13"});
    requireError([&] { read(smallCoco().dump() + "x"); }, {"not valid JSON"});
    requireError([&] { read("[]"); }, {"the file is a list"});
    requireError([&] { read("7"); }, {"the file is a number"});
    requireError([&] { read("\"text\""); }, {"no \"images\""});
    requireError([&] { read("{}"); }, {"no \"images\""});
    requireError([&] { read(std::string(1000, '\0')); }, {"not valid JSON"});
    requireError([&] { read("{\"images\":[], \"images\":[]}"); }, {"\"images\" occurs twice"});
}

BOOST_AUTO_TEST_CASE(every_prefix_is_an_error)
{
    const Folder folder;
    const std::string text = smallCoco().dump();
    for (size_t length = 0; length < text.size(); length++)
        BOOST_CHECK_THROW(readDataset(folder.write("a.json", text.substr(0, length)), folder.path(), unchecked()),
                          std::runtime_error);
}

BOOST_AUTO_TEST_CASE(changed_bytes_work_or_throw)
{
    const Folder folder;
    json content = smallCoco();
    content["annotations"][0]["segmentation"] = {{1, 2, 3, 4, 5, 6}};
    content["annotations"][1]["segmentation"] = {{"size", {30, 40}}, {"counts", {0, 1200}}};
    const std::string good = content.dump();
    const std::string alphabet = "\"{}[]:,0123456789.eE-+ntfNI\\\x01\x80 ";
    ReadOptions options = unchecked();
    options.keepSegmentation = true;
    Random random(3);
    int worked = 0;
    for (int i = 0; i < 4000; i++)
    {
        std::string text = good;
        for (uint64_t changes = 1 + random.below(3); changes > 0; changes--)
            text[random.below(text.size())] = alphabet[random.below(alphabet.size())];
        try
        {
            const Dataset dataset = readDataset(folder.write("a.json", text), folder.path(), options);
            for (const ImageRecord& image : dataset.images)
                for (const Annotation& a : image.annotations)
                {
                    BOOST_REQUIRE(a.category >= 0 && a.category < static_cast<int>(dataset.classNames.size()));
                    BOOST_REQUIRE(a.width > 0 && a.height > 0 && a.x >= 0 && a.y >= 0);
                    BOOST_REQUIRE(a.x + a.width <= image.width + 1e-9 && a.y + a.height <= image.height + 1e-9);
                }
            worked++;
        }
        catch (const std::runtime_error&)
        {
        }
    }
    BOOST_TEST(worked > 100);   // harmless changes exist
    BOOST_TEST(worked < 3900);  // and harmful ones
}

BOOST_AUTO_TEST_CASE(malformed_sizes)
{
    const Folder folder;
    const auto read = [&](const std::string& text)
    { readDataset(folder.write("a.json", text), folder.path(), unchecked()); };
    requireError([&] { read("{\"info\":" + std::string(1000000, '[')); }, {"nested deeper than"});
    requireError([&] { read("{\"info\":\"" + std::string(6 << 20, 'x') + "\"}"); }, {"is longer than"});
    requireError([&] { read("{\"info\":" + std::string(6 << 20, '1') + "}"); }, {"is longer than"});
    // Stopped when it is too long, not when it ends: this one never does.
    requireError([&] { read("{\"info\":\"" + std::string(6 << 20, 'x')); }, {"is longer than"});
    // A million numbers where four are expected are counted, not stored.
    json content = smallCoco();
    content["annotations"][0]["bbox"] = json(std::vector<int>(1000000, 1));
    const Dataset dataset = readJson(folder, content);
    BOOST_TEST(dataset.counters.dropped == 1);
    BOOST_TEST(dataset.warnings.at(0).find("more than 4 numbers") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(wrong_types_and_values)
{
    struct Case
    {
        const char* section;
        int index;
        const char* key;
        json value;
        std::vector<std::string> expected;
    };
    const std::vector<Case> cases = {
        {"images", 1, "width", "wide", {"images[1] (id 20)", "\"width\" is a text"}},
        {"images", 1, "width", 50.5, {"images[1] (id 20)", "\"width\" is the number 50.5", "integer"}},
        {"images", 0, "height", -1, {"images[0] (id 10)", "\"height\" is -1"}},
        {"images", 0, "height", 100000, {"\"height\" is 100000"}},
        {"images", 0, "file_name", 3, {"\"file_name\" is a number"}},
        {"images", 0, "file_name", nullptr, {"\"file_name\" is null"}},
        {"images", 0, "file_name", "", {"image id 10", "\"file_name\" is \"\""}},
        {"images", 0, "file_name", "/etc/passwd", {"image id 10", "inside the image folder"}},
        {"images", 0, "file_name", "x/../../b.png", {"image id 10", "inside the image folder"}},
        {"images", 0, "id", 20, {"image id 20 occurs twice"}},
        {"images", 0, "id", true, {"\"id\" is true or false"}},
        {"images", 0, "id", 1e300, {"\"id\" is the number"}},
        {"images", 0, "id", 18446744073709551615ull, {"\"id\" is the number"}},
        {"images", 0, "id", {{"x", 1}}, {"\"id\" is an object"}},
        {"images", 0, "id", json::array({1}), {"\"id\" is a list"}},
        {"annotations", 2, "image_id", nullptr, {"annotations[2]", "\"image_id\" is null"}},
        {"annotations", 2, "category_id", true, {"\"category_id\" is true or false"}},
        {"annotations", 2, "image_id", "", {"\"image_id\" is a text"}},
        {"annotations", 2, "bbox", 5, {"annotations[2]", "\"bbox\" is a number"}},
        {"annotations", 2, "bbox", "5", {"\"bbox\" is a text"}},
        {"annotations", 2, "bbox", {"x", 2, 3, 4}, {"\"bbox\" contains a text"}},
        {"annotations", 2, "bbox", {{"x", 1}}, {"\"bbox\" is an object"}},
        {"annotations", 2, "iscrowd", "no", {"\"iscrowd\" is a text"}},
        {"annotations", 2, "segmentation", 4, {"\"segmentation\" is a number"}},
        {"categories", 0, "id", 3, {"category id 3 occurs twice"}},
        {"categories", 0, "name", "ape", {"\"ape\" occurs twice", "3 and 9"}},
        {"categories", 0, "name", 1, {"\"name\" is a number"}},
    };
    for (const Case& c : cases)
        BOOST_TEST_CONTEXT(c.section << " " << c.key << " " << c.value)
        {
            json content = smallCoco();
            content[c.section][static_cast<size_t>(c.index)][c.key] = c.value;
            requireReadError(content, c.expected);
        }
}

BOOST_AUTO_TEST_CASE(missing_keys_and_sections)
{
    for (const char* section : {"images", "annotations", "categories"})
    {
        json content = smallCoco();
        content.erase(section);
        requireReadError(content, {std::string("no \"") + section + "\""});
        for (const json& value : {json(1), json("x"), json(nullptr), json::object(), json::array({1}),
                                  json::array({"x"}), json::array({json::array()})})
        {
            content[section] = value;
            BOOST_TEST_CONTEXT(section << " " << value)
            requireReadError(content, {section});
        }
    }
    for (const char* key : {"id", "file_name"})
    {
        json content = smallCoco();
        content["images"][0].erase(key);
        requireReadError(content, {"images[0]", std::string("\"") + key + "\" is missing"});
    }
    for (const char* section : {"images", "categories"})
    {
        json content = smallCoco();
        content[section] = json::array();
        requireReadError(content, {std::string("\"") + section + "\" is empty"});
    }
    json none = smallCoco();
    none["annotations"] = json::array();
    const Folder folder;
    BOOST_TEST(readJson(folder, none).numAnnotations() == 0);
}

BOOST_AUTO_TEST_CASE(bad_boxes_are_dropped_or_clipped)
{
    // Image 20 has 50 x 60 pixels.
    const std::vector<std::pair<json, bool>> cases = {
        {{5, 5, 0, 10}, false},       {{5, 5, 10, -1}, false},   {{60, 5, 10, 10}, false},
        {{5, 5, nullptr, 10}, false}, {{5, 5, 10}, false},       {{5, 5, 10, 10, 1}, false},
        {json::array(), false},       {nullptr, false},          {{-20, -20, 10, 10}, false},
        {{0, 0, 1e300, 1e300}, true}, {{-1.5, 2, 10, 10}, true}, {{45, 55, 10, 10}, true}};
    for (const auto& c : cases)
        BOOST_TEST_CONTEXT(c.first)
        {
            json content = smallCoco();
            content["annotations"][0]["bbox"] = c.first;
            const Folder folder;
            const Dataset dataset = readJson(folder, content);
            BOOST_TEST(dataset.counters.dropped == (c.second ? 0 : 1));
            BOOST_TEST(dataset.counters.clipped == (c.second ? 1 : 0));
            BOOST_REQUIRE(dataset.warnings.size() == 1u);
            BOOST_TEST(dataset.warnings[0].find("annotation id 5 (image id 20)") != std::string::npos);
            if (c.second)
            {
                const Annotation& a = dataset.images[1].annotations.at(0);
                BOOST_TEST((a.x >= 0 && a.y >= 0 && a.x + a.width <= 50 && a.y + a.height <= 60));
            }
        }
    json content = smallCoco();
    content["annotations"][0]["bbox"] = {45, 55, 10, 20};
    const Folder folder;
    const Annotation clipped = readJson(folder, content).images[1].annotations.at(0);
    BOOST_TEST((clipped.x == 45 && clipped.y == 55 && clipped.width == 5 && clipped.height == 5));
    ReadOptions exact = unchecked();
    exact.clipBoxes = false;
    const Annotation kept = readJson(folder, content, exact).images[1].annotations.at(0);
    BOOST_TEST((kept.x == 45 && kept.y == 55 && kept.width == 10 && kept.height == 20));
}

BOOST_AUTO_TEST_CASE(not_a_number_at_any_place_of_the_buffer)
{
    // The literals that Python writes, moved across the border of the reader's pieces.
    const Folder folder;
    const std::string begin =
        "{\"categories\":[{\"id\":1,\"name\":\"NaN-Infinity\"}],\"images\":[{\"id\":1,\"file_name\":"
        "\"a\",\"width\":9,\"height\":9}],\"annotations\":[{\"id\":7,\"image_id\":1,\"category_id\":"
        "1,\"bbox\":[0,0,3,3]},";
    for (const std::string literal : {"NaN", "Infinity", "-Infinity"})
        for (int shift = -12; shift <= 12; shift++)
        {
            const std::string object = "{\"id\":8,\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,";
            const size_t pad = static_cast<size_t>((1 << 18) - static_cast<int>(begin.size() + object.size()) + shift);
            const std::string text = begin + std::string(pad, ' ') + object + literal + ",3]}]}";
            const Dataset dataset = readDataset(folder.write("a.json", text), folder.path(), unchecked());
            BOOST_TEST(dataset.counters.dropped == 1);
            BOOST_TEST(dataset.numAnnotations() == 1);
            BOOST_TEST(dataset.classNames.at(0) == "NaN-Infinity");  // text stays text
        }
    requireError([&] { readDataset(folder.write("a.json", "{\"info\": Nan}"), folder.path(), unchecked()); },
                 {"not valid JSON"});
}

BOOST_AUTO_TEST_CASE(too_many_bad_boxes)
{
    json content = smallCoco();
    content["annotations"] = json::array();
    for (int i = 0; i < 100; i++)
        content["annotations"].push_back(
            {{"id", i}, {"image_id", 20}, {"category_id", 3}, {"bbox", {1, 1, i < 10 ? 0 : 5, 5}}});
    const Folder folder;
    const Dataset dataset = readJson(folder, content);
    BOOST_TEST(dataset.counters.dropped == 10);
    BOOST_TEST(dataset.warnings.size() == 6u);
    BOOST_TEST(dataset.warnings.back() == "... and 5 more: dropped annotations");
    content["annotations"][10]["bbox"] = {1, 1, 0, 5};
    requireReadError(content, {"11 of 100 annotations", "annotation id 0 (image id 20)"});
    content["annotations"] = json::array({{{"id", 1}, {"image_id", 20}, {"category_id", 3}, {"bbox", {1, 1, 0, 5}}}});
    requireReadError(content, {"1 of 1 annotations"});
}

BOOST_AUTO_TEST_CASE(every_fifth_image_by_name)
{
    const Folder folder;
    json content = smallCoco();
    content["annotations"] = json::array();
    content["images"] = json::array();
    for (int i = 0; i < 23; i++)  // names in reverse order
        content["images"].push_back(
            {{"id", i}, {"file_name", "n" + std::to_string(200 - i) + ".png"}, {"width", 9}, {"height", 9}});
    Dataset val = readJson(folder, content), train = val, all = val;
    selectSubset(val, "every5th_val");
    selectSubset(train, "every5th_train");
    selectSubset(all, "");
    std::vector<int64_t> ids;
    for (const ImageRecord& image : val.images)
        ids.push_back(image.id);
    BOOST_TEST(ids == (std::vector<int64_t>{18, 13, 8, 3}), boost::test_tools::per_element());
    BOOST_TEST(train.images.size() == 19u);
    BOOST_TEST(all.images.size() == 23u);
    std::set<int64_t> united(ids.begin(), ids.end());
    for (const ImageRecord& image : train.images)
        BOOST_TEST(united.insert(image.id).second);
    BOOST_TEST(united.size() == 23u);
    requireError([&] { selectSubset(all, "every4th"); }, {"every4th", "every5th_val"});
    all.images.resize(4);
    requireError([&] { selectSubset(all, "every5th_val"); }, {"of 4 images is empty"});
}

BOOST_AUTO_TEST_CASE(merging)
{
    const Folder folder;
    json other = smallCoco();
    other["categories"] = {{{"id", 1}, {"name", "zebra"}}};  // the other order, and not all classes
    other["annotations"] = {{{"id", 5}, {"image_id", 10}, {"category_id", 1}, {"bbox", {1, 1, 5, 5}}}};
    folder.write("a.png", "");
    DatasetConfig first, second;
    first.annotations = folder.write("first.json", smallCoco().dump());
    second.annotations = folder.write("second.json", other.dump());
    first.images = second.images = folder.path();
    second.repeat = 3;
    const Dataset merged = loadDatasets({first, second});
    BOOST_TEST(merged.name == "first+second");
    BOOST_TEST(merged.classNames == (std::vector<std::string>{"ape", "zebra"}));
    BOOST_TEST(merged.images.size() == 4u);
    std::set<int64_t> imageIds, annotationIds;
    for (const ImageRecord& image : merged.images)
    {
        BOOST_TEST(imageIds.insert(image.id).second);
        for (const Annotation& annotation : image.annotations)
            BOOST_TEST(annotationIds.insert(annotation.id).second);
    }
    BOOST_TEST(annotationIds.size() == 4u);
    BOOST_TEST(merged.images[0].id == 10);  // the first set keeps its ids
    BOOST_TEST(merged.images[0].repeat == 1);
    BOOST_TEST(merged.images[2].repeat == 3);
    BOOST_TEST(merged.images[2].annotations.at(0).category == 1);
    BOOST_TEST(merged.counters.annotations == 4);

    requireError([&] { loadDatasets({second, first}); }, {"first.json", "\"ape\"", "is not one of the 1 known"});
    requireError([&] { loadDatasets({}); }, {"no data set"});
    second.repeat = 0;
    requireError([&] { loadDatasets({second}); }, {"repeat is 0"});
    second.repeat = 1;
    ReadOptions options;
    options.classNames = {"cat", "zebra", "ape"};
    const Dataset mapped = loadDatasets({first, second}, options);
    BOOST_TEST(mapped.classNames == options.classNames);
    BOOST_TEST(mapped.categoryIds == (std::vector<int64_t>{-1, 9, 3}));
    BOOST_TEST(mapped.images[1].annotations.at(0).category == 1);
    BOOST_TEST(mapped.images[1].annotations.at(1).category == 2);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ random numbers and batches of indices
BOOST_AUTO_TEST_SUITE(sampling)

BOOST_AUTO_TEST_CASE(random_streams)
{
    Random a(1, 2, 3), same(1, 2, 3), other(1, 3, 2);
    double sum = 0, squares = 0;
    for (int i = 0; i < 100000; i++)
    {
        const double u = a.uniform();
        BOOST_REQUIRE(u == same.uniform());
        BOOST_REQUIRE((u >= 0 && u < 1));
        BOOST_REQUIRE(u != other.uniform());
        sum += u;
        squares += u * u;
    }
    BOOST_TEST(sum / 100000 == 0.5, boost::test_tools::tolerance(0.01));
    BOOST_TEST(squares / 100000 == 1. / 3, boost::test_tools::tolerance(0.01));
    // First draws of neighboring streams are independent: their mean is 1/2 and neighbors do not correlate.
    double mean = 0, product = 0, last = Random(1, 0, 0).uniform();
    for (uint64_t i = 1; i <= 10000; i++)
    {
        const double u = Random(1, 0, i).uniform();
        mean += u / 10000;
        product += (u - 0.5) * (last - 0.5) / 10000;
        last = u;
    }
    BOOST_TEST(mean == 0.5, boost::test_tools::tolerance(0.03));
    BOOST_TEST(std::abs(product) < 0.003);
}

std::vector<SampleEntry> entries(int count, int wide)
{
    std::vector<SampleEntry> list;
    for (int i = 0; i < count; i++)
        list.push_back({i, i < wide});
    return list;
}

BOOST_AUTO_TEST_CASE(no_image_is_lost)
{
    for (const auto& [count, wide, batch] : {std::tuple{10, 3, 4}, {1, 0, 8}, {7, 7, 7}, {23, 1, 5}, {5, 2, 1}})
    {
        BatchSampler sampler(entries(count, wide), batch, 5, true);
        std::map<int64_t, std::multiset<int64_t>> imagesOfEpoch;
        int64_t lastEpoch = 0;
        for (int i = 0; i < 200; i++)
        {
            const std::vector<SampleDraw> draws = sampler.next();
            BOOST_REQUIRE(draws.size() == static_cast<size_t>(batch));
            for (const SampleDraw& draw : draws)
            {
                BOOST_REQUIRE(draw.entry.group == draws[0].entry.group);
                imagesOfEpoch[draw.epoch].insert(draw.entry.image);
                lastEpoch = std::max(lastEpoch, draw.epoch);
            }
        }
        // Nothing waits longer than until its group's list is full: count the epochs that must be over.
        const int64_t group = std::min(wide == 0 ? count : wide, count - wide == 0 ? count : count - wide);
        const int64_t settled = lastEpoch - 1 - batch / group;
        BOOST_REQUIRE(settled > 3);
        for (int64_t epoch = 0; epoch < settled; epoch++)
            BOOST_REQUIRE(std::set<int64_t>(imagesOfEpoch[epoch].begin(), imagesOfEpoch[epoch].end()).size() ==
                          static_cast<size_t>(count));
    }
}

BOOST_AUTO_TEST_CASE(skipping_is_drawing)
{
    for (const int skipped : {0, 1, 17, 100})
    {
        BatchSampler drawn(entries(11, 4), 3, 9, true), jumped(entries(11, 4), 3, 9, true);
        for (int i = 0; i < skipped; i++)
            drawn.next();
        jumped.skip(skipped);
        for (int i = 0; i < 20; i++)
        {
            const auto a = drawn.next(), b = jumped.next();
            for (size_t k = 0; k < a.size(); k++)
                BOOST_REQUIRE((a[k].entry.image == b[k].entry.image && a[k].epoch == b[k].epoch &&
                               a[k].position == b[k].position));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_single_pass)
{
    BatchSampler sampler(entries(11, 4), 3, 9, false);
    std::multiset<int64_t> seen;
    for (auto draws = sampler.next(); !draws.empty(); draws = sampler.next())
        for (const SampleDraw& draw : draws)
        {
            BOOST_TEST(draw.entry.group == draws[0].entry.group);
            seen.insert(draw.entry.image);
        }
    BOOST_TEST(seen.size() == 11u);
    BOOST_TEST(std::set<int64_t>(seen.begin(), seen.end()).size() == 11u);
    BOOST_TEST(sampler.next().empty());
    BOOST_CHECK_THROW(BatchSampler({}, 3, 9, false), std::invalid_argument);
    BOOST_CHECK_THROW(BatchSampler(entries(3, 1), 0, 9, false), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ augmentation
BOOST_AUTO_TEST_SUITE(augmentation)

BOOST_AUTO_TEST_CASE(flip_moves_pixels_and_boxes)
{
    Sample sample{rectangleImage({50, 40}, {5, 10, 20, 15}, 1),
                  {{5, 10, 25, 25, 3}, {0, 0, 50, 40, 1}, {0.5, 1, 2.25, 3, 0}}};
    const Sample original{sample.image.clone(), sample.boxes};
    const cv::Mat shared = sample.image;
    flipHorizontal(sample);
    BOOST_TEST(cv::norm(shared, original.image, cv::NORM_INF) == 0);  // the source is left alone
    BOOST_TEST((sample.boxes[0].x1 == 25 && sample.boxes[0].x2 == 45 && sample.boxes[0].y1 == 10));
    BOOST_TEST((sample.boxes[1].x1 == 0 && sample.boxes[1].x2 == 50));
    BOOST_TEST((sample.boxes[2].x1 == 47.75 && sample.boxes[2].x2 == 49.5));
    BOOST_TEST(sample.image.at<cv::Vec3b>(10, 25)[0] >= 195);
    BOOST_TEST(sample.image.at<cv::Vec3b>(10, 24)[0] < 60);
    BOOST_TEST(sample.image.at<cv::Vec3b>(10, 44)[0] >= 195);
    BOOST_TEST(sample.image.at<cv::Vec3b>(10, 45)[0] < 60);
    flipHorizontal(sample);
    BOOST_TEST(cv::norm(sample.image, original.image, cv::NORM_INF) == 0);
    BOOST_TEST((sample.boxes[2].x1 == 0.5 && sample.boxes[2].x2 == 2.25 && sample.boxes[0].category == 3));
}

BOOST_AUTO_TEST_CASE(crop_keeps_boxes_by_their_center)
{
    Sample sample{cv::Mat(40, 50, CV_8UC3, cv::Scalar::all(1)),
                  {{12, 12, 20, 20, 0}, {0, 0, 18, 18, 1}, {0, 0, 30, 30, 2}, {39, 12, 42, 20, 3}}};
    sample.image.at<cv::Vec3b>(10, 11) = cv::Vec3b(7, 7, 7);
    crop(sample, {11, 10, 30, 20}, 2);
    BOOST_TEST(sample.image.at<cv::Vec3b>(0, 0)[0] == 7);
    BOOST_TEST((sample.image.cols == 30 && sample.image.rows == 20));
    BOOST_REQUIRE(sample.boxes.size() == 3u);  // the second one's center (9, 9) is outside
    BOOST_TEST(
        (sample.boxes[0].x1 == 1 && sample.boxes[0].y1 == 2 && sample.boxes[0].x2 == 9 && sample.boxes[0].y2 == 10));
    BOOST_TEST((sample.boxes[1].category == 2 && sample.boxes[1].x1 == 0 && sample.boxes[1].x2 == 19));
    BOOST_TEST((sample.boxes[2].category == 3 && sample.boxes[2].x2 == 30));
    crop(sample, {0, 0, 29, 20}, 2);
    BOOST_TEST(sample.boxes.size() == 2u);  // 1 pixel of the last one is left
    BOOST_CHECK_THROW(crop(sample, {0, 0, 30, 20}, 2), cv::Exception);
}

BOOST_AUTO_TEST_CASE(random_crop_keeps_an_object)
{
    std::set<int> widths;
    for (uint64_t seed = 0; seed < 200; seed++)
    {
        Sample sample{cv::Mat(40, 60, CV_8UC3, cv::Scalar::all(1)), {{50, 30, 58, 39, 0}}};
        Random random(seed);
        cropRandomly(sample, random, 0.5, 1);
        BOOST_REQUIRE(sample.boxes.size() == 1u);
        const LabeledBox& box = sample.boxes[0];
        BOOST_REQUIRE((box.x1 >= 0 && box.y1 >= 0 && box.x2 <= sample.image.cols && box.y2 <= sample.image.rows));
        BOOST_REQUIRE((sample.image.cols >= 30 && sample.image.rows >= 20));
        widths.insert(sample.image.cols);
    }
    BOOST_TEST(widths.size() > 10u);
}

BOOST_AUTO_TEST_CASE(color_jitter)
{
    const cv::Mat original = rectangleImage({50, 40}, {5, 10, 20, 15}, 1);
    cv::Mat image = original;
    Random still(1);
    jitterColor(image, still, 0);
    BOOST_TEST(cv::norm(image, original, cv::NORM_INF) == 0);
    std::set<int> means;
    for (uint64_t seed = 0; seed < 50; seed++)
    {
        image = original;
        Random random(seed), twin(seed);
        jitterColor(image, random, 0.3);
        cv::Mat again = original;
        jitterColor(again, twin, 0.3);
        BOOST_TEST(cv::norm(image, again, cv::NORM_INF) == 0);
        means.insert(static_cast<int>(cv::mean(image)[0]));
    }
    BOOST_TEST(means.size() > 10u);
    BOOST_TEST(cv::norm(rectangleImage({50, 40}, {5, 10, 20, 15}, 1), original, cv::NORM_INF) == 0);
    // The definition, step by step on doubles, for a pixel that does not saturate.
    Random draws(5), same(5);
    const double b = draws.uniform(0.7, 1.3), c = draws.uniform(0.7, 1.3), s = draws.uniform(0.7, 1.3);
    cv::Mat two(1, 2, CV_8UC3);
    two.at<cv::Vec3b>(0, 0) = {90, 110, 120};
    two.at<cv::Vec3b>(0, 1) = {100, 80, 95};
    const auto gray = [](const cv::Vec3d& v) { return 0.114 * v[0] + 0.587 * v[1] + 0.299 * v[2]; };
    const cv::Vec3d first = cv::Vec3d(90, 110, 120) * b, second = cv::Vec3d(100, 80, 95) * b;
    const double middle = (gray(first) + gray(second)) / 2;
    const cv::Vec3d contrasted = (first - cv::Vec3d::all(middle)) * c + cv::Vec3d::all(middle);
    const cv::Vec3d expected = (contrasted - cv::Vec3d::all(gray(contrasted))) * s + cv::Vec3d::all(gray(contrasted));
    jitterColor(two, same, 0.3);
    for (int k = 0; k < 3; k++)
        BOOST_TEST(std::abs(two.at<cv::Vec3b>(0, 0)[k] - expected[k]) <= 0.51);
}

BOOST_AUTO_TEST_CASE(boxes_to_train_on)
{
    ImageRecord image;
    image.width = 50;
    image.height = 40;
    image.annotations.resize(5);
    for (Annotation& a : image.annotations)
        a.x = a.y = a.width = a.height = 10;
    image.annotations[1].crowd = true;
    image.annotations[2].width = 1.5;
    image.annotations[3].x = 49;      // 1 pixel inside
    image.annotations[4].height = 2;  // exactly the limit
    BOOST_TEST(usableBoxes(image, 2).size() == 2u);
    BOOST_TEST(usableBoxes(image, 1).size() == 4u);
    image.annotations[4].height = 0;
    BOOST_TEST(usableBoxes(image, 0).size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ loader
BOOST_AUTO_TEST_SUITE(loader)

BOOST_AUTO_TEST_CASE(pixels_are_those_of_prepare_input)
{
    const RectangleSet set(6);
    const Dataset dataset = set.read();
    cv::d2det::InputParams params;
    for (int c = 0; c < 3; c++)  // the configuration has floats, and so has the model file
    {
        params.mean[c] = smallInput().mean[static_cast<size_t>(c)];
        params.std[c] = smallInput().std[static_cast<size_t>(c)];
    }
    for (const bool training : {true, false})
        for (const ChannelOrder order : {ChannelOrder::RGB, ChannelOrder::BGR})
        {
            InputConfig input = smallInput();
            input.channelOrder = order;
            params.swapRB = order == ChannelOrder::RGB;
            DataConfig config = plainConfig();
            config.shortSides = {72};  // training has sides of its own
            config.longSide = 80;
            params.shortSide = training ? config.shortSides[0] : input.shortSide;
            params.longSide = training ? config.longSide : input.longSide;
            DataLoader loader(dataset, config, input, 1, 1, 0, training ? LoaderOptions() : LoaderOptions::onePass());
            for (int i = 0; i < 6; i++)
            {
                const Batch batch = loader.next();
                const ImageRecord& record = dataset.images[static_cast<size_t>(batch.imageIds.at(0) - 1)];
                cv::Mat blob, info;
                cv::d2det::prepareInput(cv::imread(record.path), params, blob, info);
                const torch::Tensor expected =
                    torch::from_blob(blob.data, {1, 3, blob.size[2], blob.size[3]}, torch::kFloat);
                BOOST_TEST(sameBits(batch.images.images, expected));
                BOOST_TEST(batch.images.infos[0].height == info.at<float>(0, 0));
                BOOST_TEST(batch.images.infos[0].width == info.at<float>(0, 1));
                BOOST_TEST(batch.images.infos[0].scale == info.at<float>(0, 2));
            }
        }
}

//! keepRatio: as always; not: every image gets one size.
void testBoxesFollowThePixels(bool keepRatio)
{
    const RectangleSet set(12);
    InputConfig input = smallInput();
    input.keepRatio = keepRatio;
    DataConfig config = randomConfig();
    int flippedOrCropped = 0, count = 0;
    DataLoader loader(set.read(), config, input, 4, 3);
    for (int i = 0; i < 30; i++)
    {
        const Batch batch = loader.next();
        for (int64_t b = 0; b < batch.images.size(); b++)
        {
            const Instances& target = batch.targets[static_cast<size_t>(b)];
            BOOST_REQUIRE(target.size() == 1);
            const ImageInfo& info = batch.images.infos[static_cast<size_t>(b)];
            if (!keepRatio)
                BOOST_TEST((info.width == config.longSide &&
                            std::count(config.shortSides.begin(), config.shortSides.end(), info.height) > 0));
            const float* box = target.boxes.tensor().data_ptr<float>();
            const cv::Rect2d expected(box[0], box[1], box[2] - box[0], box[3] - box[1]);
            const cv::Rect2d found = brightPart(batch.images.images[b], input);
            // Nothing but the rounding to whole pixels lies between them: half a pixel and a little blur on each side.
            BOOST_TEST(std::abs(found.x - expected.x) <= 1.01);
            BOOST_TEST(std::abs(found.y - expected.y) <= 1.01);
            BOOST_TEST(std::abs(found.br().x - expected.br().x) <= 1.01);
            BOOST_TEST(std::abs(found.br().y - expected.br().y) <= 1.01);
            BOOST_TEST(iou(found, expected) > 0.85);
            const int64_t id = batch.imageIds[static_cast<size_t>(b)];
            BOOST_TEST(target.labels[0].item<int64_t>() == (id - 1) % 2);
            const Annotation& a = loader.dataset().images[static_cast<size_t>(id - 1)].annotations[0];
            flippedOrCropped += std::abs(a.x * batch.images.infos[static_cast<size_t>(b)].scale - box[0]) > 2;
            count++;
        }
    }
    BOOST_TEST(flippedOrCropped > count / 4);
    if (keepRatio)
        BOOST_TEST(flippedOrCropped < count);
}

BOOST_AUTO_TEST_CASE(boxes_follow_the_pixels)
{
    testBoxesFollowThePixels(true);
}

BOOST_AUTO_TEST_CASE(boxes_follow_the_pixels_of_a_fixed_size)
{
    testBoxesFollowThePixels(false);
}

//! Masks go through crop, flip and resize with their boxes and pixels; an object without an outline has none.
BOOST_AUTO_TEST_CASE(masks_follow_the_pixels)
{
    const RectangleSet set(12);
    const InputConfig input = smallInput();
    DataLoader loader(set.read(true), randomConfig(), input, 4, 3);
    int with = 0, without = 0;
    for (int i = 0; i < 30; i++)
    {
        const Batch batch = loader.next();
        for (size_t b = 0; b < batch.targets.size(); b++)
        {
            const Instances& target = batch.targets[b];
            const ImageInfo& info = batch.images.infos[b];
            if ((batch.imageIds[b] - 1) % 3 == 0)
            {
                BOOST_TEST(!target.masks.defined());
                without++;
                continue;
            }
            BOOST_REQUIRE(target.masks.sizes() == at::IntArrayRef({1, info.height, info.width}));
            BOOST_TEST(target.hasMask[0].item<bool>());
            const torch::Tensor red = batch.images.images[static_cast<int64_t>(b)][0] * input.std[0] + input.mean[0];
            const torch::Tensor bright = red.slice(0, 0, info.height).slice(1, 0, info.width).gt(128).to(torch::kFloat);
            const torch::Tensor mask = target.masks[0].to(torch::kFloat);
            const double both = (bright * mask).sum().item<double>(),
                         either = torch::max(bright, mask).sum().item<double>();
            BOOST_TEST(both >= 0.8 * either, "mask and image share " << both << " of " << either << " pixels");
            with++;
        }
    }
    BOOST_TEST(with > 50);
    BOOST_TEST(without > 20);
    for (const LabeledBox& box : usableBoxes(loader.dataset().images[1], 1))
        BOOST_TEST(box.mask.empty());
}

//! An outline that cannot be decoded is no reason to lose the box.
BOOST_AUTO_TEST_CASE(damaged_outlines_count_as_absent)
{
    ImageRecord image;
    image.width = 20;
    image.height = 10;
    Annotation a;
    a.x = a.y = 2;
    a.width = a.height = 5;
    a.segmentation = Segmentation();
    a.segmentation->counts = {3, 4};
    a.segmentation->height = 10;
    a.segmentation->width = 20;
    image.annotations.push_back(a);  // the runs do not add up
    a.segmentation->counts = {10, 190};
    image.annotations.push_back(a);
    a.segmentation->counts = {200};  // empty
    image.annotations.push_back(a);
    const std::vector<LabeledBox> boxes = usableBoxesWithMasks(image, 1);
    BOOST_REQUIRE(boxes.size() == 3u);
    BOOST_TEST(boxes[0].mask.empty());
    BOOST_TEST(cv::countNonZero(boxes[1].mask) == 190);
    BOOST_TEST(boxes[2].mask.empty());

    // Validation and reports ask for run-length codes: the damaged one is absent there too, the empty one is an
    // outline.
    const auto usable = [&image](size_t i) { return usableRle(*image.annotations[i].segmentation, 10, 20); };
    BOOST_TEST(!usable(0).has_value());
    BOOST_REQUIRE(usable(1).has_value());
    BOOST_TEST(cv::d2det::rleArea(*usable(1)) == 190);
    BOOST_TEST(usable(2).has_value());
    BOOST_TEST(!usableRle(*image.annotations[1].segmentation, 20, 10).has_value());
}

BOOST_AUTO_TEST_CASE(threads_and_cache_do_not_change_batches)
{
    const RectangleSet set(11);
    const Dataset dataset = set.read();
    DataConfig config = randomConfig();
    config.colorJitter = 0.2f;
    config.workers = 0;
    config.cacheMegabytes = 0;
    DataLoader reference(dataset, config, smallInput(), 3, 42);
    const std::vector<Batch> expected = take(reference, 14);
    for (const int workers : {0, 1, 2, 7})
        for (const int cache : {0, 1, 512})
        {
            config.workers = workers;
            config.cacheMegabytes = cache;
            DataLoader loader(dataset, config, smallInput(), 3, 42);
            const std::vector<Batch> batches = take(loader, 14);
            for (size_t i = 0; i < expected.size(); i++)
                BOOST_TEST(sameBatch(batches[i], expected[i]),
                           "batch " << i << ", " << workers << " threads, cache " << cache);
        }
    DataLoader other(dataset, config, smallInput(), 3, 43);
    BOOST_TEST(!sameBatch(other.next(), expected[0]));
    BOOST_TEST(!sameBatch(expected[0], expected[4]));
}

BOOST_AUTO_TEST_CASE(resumed_runs_see_the_same_batches)
{
    const RectangleSet set(9);
    const Dataset dataset = set.read();
    DataLoader whole(dataset, randomConfig(), smallInput(), 2, 8);
    const std::vector<Batch> expected = take(whole, 20);
    for (const int start : {1, 5, 13})
    {
        DataLoader loader(dataset, randomConfig(), smallInput(), 2, 8, start);
        for (size_t i = static_cast<size_t>(start); i < expected.size(); i++)
            BOOST_TEST(sameBatch(loader.next(), expected[i]));
    }
    // A late start is no work: no image is decoded for what is left out.
    DataLoader late(dataset, randomConfig(), smallInput(), 2, 8, 1000000);
    BOOST_TEST(late.next().images.size() == 2);
}

//! Further images, random pixels, codecs: all of it comes from (seed, epoch, position) alone.
BOOST_AUTO_TEST_CASE(augmentation_depends_on_seed_and_position_alone)
{
    const RectangleSet set(11);
    const Dataset dataset = set.read(true);
    DataConfig config = augmentedConfig();
    config.workers = 1;
    config.cacheMegabytes = 0;
    DataLoader reference(dataset, config, smallInput(), 3, 42);
    const std::vector<Batch> expected = take(reference, 16);
    size_t objects = 0, masks = 0;
    for (const Batch& batch : expected)
        for (const Instances& target : batch.targets)
        {
            objects += static_cast<size_t>(target.size());
            masks += target.masks.defined();
        }
    BOOST_TEST(objects > 16 * 3 * 1.3);  // mosaic and copy-paste add some
    BOOST_TEST(masks > 20u);
    for (const int workers : {0, 4})
        for (const int cache : {0, 512})
        {
            config.workers = workers;
            config.cacheMegabytes = cache;
            DataLoader loader(dataset, config, smallInput(), 3, 42);
            const std::vector<Batch> batches = take(loader, 16);
            for (size_t i = 0; i < expected.size(); i++)
                BOOST_TEST(sameBatch(batches[i], expected[i]),
                           "batch " << i << ", " << workers << " threads, cache " << cache);
        }
    for (const int start : {1, 7, 12})
    {
        DataLoader loader(dataset, config, smallInput(), 3, 42, start);
        for (size_t i = static_cast<size_t>(start); i < expected.size(); i++)
            BOOST_TEST(sameBatch(loader.next(), expected[i]), "resumed at " << start << ", batch " << i);
    }
    DataLoader other(dataset, config, smallInput(), 3, 43);
    BOOST_TEST(!sameBatch(other.next(), expected[0]));
}

//! Without new keys a preset or the defaults give the batches of before: no further number is drawn.
BOOST_AUTO_TEST_CASE(preset_of_the_defaults_changes_nothing)
{
    const RectangleSet set(7);
    const Dataset dataset = set.read(true);
    DataConfig preset = plainConfig();
    applyPreset(preset, AugmentPreset::DEFAULT);
    DataConfig plain = plainConfig();
    plain.flip = 0.5f;
    plain.augment.rotation = 90;  // of an affine map that never happens
    DataLoader a(dataset, preset, smallInput(), 2, 5), b(dataset, plain, smallInput(), 2, 5);
    for (int i = 0; i < 10; i++)
        BOOST_TEST(sameBatch(a.next(), b.next()));
}

//! Outlines may serve augmentation alone, and copy-paste without any is said to do nothing.
//! Two processes make the batches that one makes, in turns, from wherever they begin.
BOOST_AUTO_TEST_CASE(processes_take_turns)
{
    const RectangleSet set(9);
    const Dataset dataset = set.read();
    for (const int64_t start : {0, 3})
    {
        DataLoader whole(dataset, randomConfig(), smallInput(), 2, 8, start);
        std::vector<std::unique_ptr<DataLoader>> parts;
        for (int i = 0; i < 2; i++)
        {
            LoaderOptions options;
            options.share = {i, 2};
            parts.push_back(std::make_unique<DataLoader>(dataset, randomConfig(), smallInput(), 2, 8, start, options));
        }
        for (int64_t number = start; number < start + 12; number++)
        {
            const Batch expected = whole.next(), got = parts[static_cast<size_t>(number % 2)]->next();
            BOOST_TEST(expected.imageIds == got.imageIds, boost::test_tools::per_element());
            BOOST_TEST(torch::equal(expected.images.images, got.images.images), "batch " << number);
        }
    }
}

BOOST_AUTO_TEST_CASE(outlines_for_augmentation_alone)
{
    const RectangleSet set(9);
    const DataConfig config = augmentedConfig();
    LoaderOptions noMasks;
    noMasks.masks = false;
    DataLoader with(set.read(true), config, smallInput(), 2, 5),
        without(set.read(true), config, smallInput(), 2, 5, 0, noMasks),
        none(set.read(false), config, smallInput(), 2, 5);
    for (int i = 0; i < 10; i++)
    {
        const Batch a = with.next(), b = without.next();
        BOOST_TEST(sameBits(a.images.images, b.images.images));
        for (size_t k = 0; k < a.targets.size(); k++)
        {
            BOOST_TEST(sameBits(a.targets[k].boxes.tensor(), b.targets[k].boxes.tensor()));
            BOOST_TEST(!b.targets[k].masks.defined());
        }
    }
    const auto warned = [](const DataLoader& loader)
    {
        std::string all;
        for (const std::string& warning : loader.warnings())
            all += warning;
        return all.find("data.augment.copy_paste does nothing") != std::string::npos;
    };
    BOOST_TEST(!warned(with));
    BOOST_TEST(warned(none));
}

//! A further image that cannot be read is replaced like the first one.
BOOST_AUTO_TEST_CASE(unreadable_images_in_mosaics)
{
    const RectangleSet set(8);
    for (const char* name : {"image102.png", "image105.png"})
        set.folder.write(name, "no image");
    DataConfig config = augmentedConfig();
    config.augment.mosaic = 1;
    config.maxBadFraction = 0.5f;
    DataLoader reference(set.read(true), config, smallInput(), 2, 5);
    const std::vector<Batch> expected = take(reference, 8);
    config.workers = 4;
    DataLoader loader(set.read(true), config, smallInput(), 2, 5);
    for (const Batch& batch : expected)
        BOOST_TEST(sameBatch(loader.next(), batch));
}

BOOST_AUTO_TEST_CASE(groups_padding_and_full_batches)
{
    const RectangleSet set(13);
    const Dataset dataset = set.read();
    const InputConfig input = smallInput();
    DataLoader loader(dataset, randomConfig(), input, 4, 2);
    BOOST_TEST(loader.imagesPerEpoch() == 13);
    bool padded = false;
    for (int i = 0; i < 25; i++)
    {
        const Batch batch = loader.next();
        const torch::Tensor& images = batch.images.images;
        BOOST_REQUIRE(images.size(0) == 4);
        BOOST_REQUIRE((images.size(2) % input.divisor == 0 && images.size(3) % input.divisor == 0));
        BOOST_REQUIRE((batch.targets.size() == 4u && batch.imageIds.size() == 4u));
        const auto wide = [&](int64_t id)
        {
            const ImageRecord& image = dataset.images[static_cast<size_t>(id - 1)];
            return image.width > image.height;
        };
        int64_t highest = 0, widest = 0;
        for (int64_t b = 0; b < 4; b++)
        {
            const ImageInfo& info = batch.images.infos[static_cast<size_t>(b)];
            BOOST_TEST(wide(batch.imageIds[static_cast<size_t>(b)]) == wide(batch.imageIds[0]));
            BOOST_TEST((images[b].slice(1, info.height) == 0).all().item<bool>());
            BOOST_TEST((images[b].slice(2, info.width) == 0).all().item<bool>());
            padded = padded || info.height < images.size(2) || info.width < images.size(3);
            highest = std::max<int64_t>(highest, info.height);
            widest = std::max<int64_t>(widest, info.width);
        }
        BOOST_TEST((images.size(2) - highest < input.divisor && images.size(3) - widest < input.divisor));
    }
    BOOST_TEST(padded);
    BOOST_TEST(loader.waitSeconds() > 0);
}

BOOST_AUTO_TEST_CASE(a_pass_of_validation)
{
    RectangleSet set(10);
    set.content["annotations"].erase(3);  // images without objects belong to it
    for (const int workers : {0, 3})
        for (const bool grouped : {true, false})
        {
            DataConfig config = randomConfig();
            config.workers = workers;
            config.aspectGrouping = grouped;
            DataLoader loader(set.read(), config, smallInput(), 3, 1, 0, LoaderOptions::onePass());
            std::vector<int64_t> seen;
            for (const Batch& batch : takeAll(loader))
                seen.insert(seen.end(), batch.imageIds.begin(), batch.imageIds.end());
            if (!grouped)
                BOOST_TEST(std::is_sorted(seen.begin(), seen.end()));
            BOOST_TEST(seen.size() == 10u);
            BOOST_TEST(std::set<int64_t>(seen.begin(), seen.end()).size() == 10u);
            Batch none;
            BOOST_TEST(!loader.next(none));
            BOOST_CHECK_THROW(loader.next(), Error);
        }
}

BOOST_AUTO_TEST_CASE(images_without_objects_and_repeats)
{
    RectangleSet set(6);
    json& annotations = set.content["annotations"];
    annotations[0]["iscrowd"] = 1;
    annotations[1]["bbox"] = {3, 3, 20, 0.5};
    annotations.erase(2);
    Dataset dataset = set.read();
    dataset.images[5].repeat = 4;
    DataConfig config = plainConfig();
    config.aspectGrouping = false;
    DataLoader loader(dataset, config, smallInput(), 7, 1);
    BOOST_TEST(loader.imagesPerEpoch() == 6);
    BOOST_TEST(loader.warnings().at(0).find("3 of 6 images have no usable annotation") != std::string::npos);
    std::map<int64_t, int> times;
    for (int i = 0; i < 6; i++)  // 42 draws are 7 epochs of 6
        for (const int64_t id : loader.next().imageIds)
            times[id]++;
    BOOST_TEST((times == std::map<int64_t, int>{{4, 7}, {5, 7}, {6, 28}}));

    // The third image is empty; the first two have something, though nothing to train on.
    checkContains(loader.warnings().at(0), "1 of them have no object at all: with data.empty_images");
    dataset.images[5].repeat = 1;
    dataset.images[3].annotations.clear();
    dataset.images[3].empty = EmptyImage::UNLABELED;
    for (const EmptyImages taken : {EmptyImages::SKIP, EmptyImages::ANNOTATED, EmptyImages::ALL})
    {
        config.emptyImages = taken;
        config.randomCrop = 1;
        DataLoader background(dataset, config, smallInput(), 4, 1);
        BOOST_TEST(background.imagesPerEpoch() == (taken == EmptyImages::SKIP        ? 2
                                                   : taken == EmptyImages::ANNOTATED ? 3
                                                                                     : 4));
        std::set<int64_t> empty;
        for (int i = 0; i < 4; i++)
        {
            const Batch batch = background.next();
            for (size_t k = 0; k < batch.imageIds.size(); k++)
                if (batch.targets[k].boxes.tensor().size(0) == 0)
                    empty.insert(batch.imageIds[k]);
        }
        BOOST_TEST(empty == (taken == EmptyImages::SKIP        ? std::set<int64_t>{}
                             : taken == EmptyImages::ANNOTATED ? std::set<int64_t>{3}
                                                               : std::set<int64_t>{3, 4}));
    }
    for (ImageRecord& image : dataset.images)
    {
        image.annotations.clear();
        image.empty = EmptyImage::ANNOTATED;
    }
    requireError([&] { DataLoader(dataset, config, smallInput(), 1, 1); },
                 {"none of 6 images has a usable annotation"});
}

BOOST_AUTO_TEST_CASE(unreadable_images)
{
    const RectangleSet set(12);
    const Dataset dataset = set.read();
    fs::remove(dataset.images[2].path);
    std::ofstream(dataset.images[5].path) << "no image";
    cv::imwrite(dataset.images[7].path, cv::Mat(20, 30, CV_8UC3, cv::Scalar::all(1)));  // not the annotated size
    const std::set<int64_t> bad{3, 6, 8};
    const auto wide = [&](int64_t id)
    {
        const ImageRecord& image = dataset.images[static_cast<size_t>(id - 1)];
        return image.width > image.height;
    };
    DataConfig config = randomConfig();
    config.maxBadFraction = 0.25f;
    std::vector<std::vector<Batch>> runs;
    for (const int workers : {0, 3})
    {
        config.workers = workers;
        DataLoader loader(dataset, config, smallInput(), 2, 1);
        runs.push_back(take(loader, 30));
        for (const Batch& batch : runs.back())
        {
            BOOST_TEST(batch.images.size() == 2);
            for (const int64_t id : batch.imageIds)
            {
                BOOST_TEST(!bad.count(id));
                BOOST_TEST(wide(id) == wide(batch.imageIds[0]));  // also of those that stand in
            }
        }
        BOOST_TEST(loader.warnings().size() == 3u);
        DataLoader resumed(dataset, config, smallInput(), 2, 1, 21);
        BOOST_TEST(sameBatch(resumed.next(), runs.back()[21]));

        DataLoader validation(dataset, config, smallInput(), 1, 1, 0, LoaderOptions::onePass());
        BOOST_TEST(takeAll(validation).size() == 9u);
        std::string all;
        for (const std::string& text : validation.warnings())
            all += text + "\n";
        BOOST_TEST(all.find("image id 3 (") != std::string::npos);
        BOOST_TEST(all.find("it does not exist") != std::string::npos);
        BOOST_TEST(all.find("cannot be decoded") != std::string::npos);
        BOOST_TEST(all.find("it has 30x20 pixels") != std::string::npos);
    }
    for (size_t i = 0; i < runs[0].size(); i++)
        BOOST_TEST(sameBatch(runs[0][i], runs[1][i]));

    config.maxBadFraction = 0.2f;
    for (const int workers : {0, 3})
    {
        config.workers = workers;
        DataLoader loader(dataset, config, smallInput(), 2, 1);
        requireError([&] { take(loader, 30); }, {"3 of 12 images cannot be used", "data.max_bad_fraction", "image id"});
        requireError([&] { loader.next(); }, {"images cannot be used"});
    }
    config.maxBadFraction = 1;
    for (const ImageRecord& image : dataset.images)
        fs::remove(image.path);
    DataLoader loader(dataset, config, smallInput(), 2, 1);
    requireError([&] { loader.next(); }, {"no image can be read"});
}

BOOST_AUTO_TEST_CASE(the_annotation_decides_about_rotation_marks)
{
    const Folder folder;
    const cv::Rect box(10, 8, 30, 20);
    const cv::Mat stored = rectangleImage({100, 60}, box, 1);
    d2det::test::writeExifJpeg(folder / "a.jpg", stored, 6);
    BOOST_REQUIRE(cv::imread(folder / "a.jpg").size() == cv::Size(60, 100));
    const cv::Rect upright(60 - box.y - box.height, box.x, box.height, box.width);  // turned clockwise
    for (const bool turned : {false, true})
    {
        const cv::Rect r = turned ? upright : box;
        const json content = {
            {"images",
             {{{"id", 1}, {"file_name", "a.jpg"}, {"width", turned ? 60 : 100}, {"height", turned ? 100 : 60}}}},
            {"annotations",
             {{{"id", 1}, {"image_id", 1}, {"category_id", 1}, {"bbox", {r.x, r.y, r.width, r.height}}}}},
            {"categories", {{{"id", 1}, {"name", "one"}}}}};
        DataLoader loader(readJson(folder, content, ReadOptions()), plainConfig(), smallInput(), 1, 1);
        const Batch batch = loader.next();
        const float* x = batch.targets[0].boxes.tensor().data_ptr<float>();
        BOOST_TEST(iou(brightPart(batch.images.images[0], smallInput()), {x[0], x[1], x[2] - x[0], x[3] - x[1]}) > 0.9);
    }
}

BOOST_AUTO_TEST_CASE(stops_in_the_middle)
{
    const RectangleSet set(12);
    const Dataset dataset = set.read();
    for (int i = 0; i < 20; i++)
    {
        DataConfig config = randomConfig();
        config.workers = 4;
        DataLoader loader(dataset, config, smallInput(), 1 + i % 5, 1);
        take(loader, i % 3);
    }
}

BOOST_AUTO_TEST_CASE(wrong_parameters)
{
    const RectangleSet set(2);
    const Dataset dataset = set.read();
    const auto make = [&](void (*change)(DataConfig&), int batchSize = 1, int64_t start = 0)
    {
        DataConfig config = plainConfig();
        change(config);
        DataLoader(dataset, config, smallInput(), batchSize, 1, start);
    };
    make([](DataConfig&) {});
    BOOST_CHECK_THROW(make([](DataConfig&) {}, 0), Error);
    BOOST_CHECK_THROW(make([](DataConfig&) {}, 1, -1), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.shortSides.clear(); }), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.shortSides = {0}; }), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.flip = 1.5f; }), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.flip = NAN; }), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.workers = -1; }), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.cacheMegabytes = -1; }), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.cropMinScale = 0; }), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.colorJitter = -1; }), Error);
    BOOST_CHECK_THROW(make([](DataConfig& c) { c.maxBadFraction = 2; }), Error);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ structures
BOOST_AUTO_TEST_SUITE(structures)

BOOST_AUTO_TEST_CASE(boxes)
{
    BOOST_TEST(Boxes().size() == 0);
    const Boxes three(torch::tensor({1.f, 2.f, 4.f, 6.f, 5.f, 5.f, 4.f, 9.f, -3.f, -2.f, 50.f, 60.f}).view({3, 4}));
    BOOST_TEST(three.size() == 3);
    BOOST_TEST(torch::equal(three.area(), torch::tensor({12.f, 0.f, 53.f * 62.f})));
    BOOST_TEST(torch::equal(three.clip(30, 20).tensor()[2], torch::tensor({0.f, 0.f, 20.f, 30.f})));
    BOOST_TEST(torch::equal(three.clip(30, 20).tensor()[0], three.tensor()[0]));
    BOOST_TEST(three.clip(30, 20).size() == 3);
    BOOST_TEST(Boxes().clip(3, 3).size() == 0);
    BOOST_TEST(Boxes().area().size(0) == 0);
    BOOST_CHECK_THROW(Boxes(torch::Tensor()), Error);
    BOOST_CHECK_THROW(Boxes(torch::zeros({3})), Error);
    BOOST_CHECK_THROW(Boxes(torch::zeros({3, 5})), Error);
    BOOST_CHECK_THROW(Boxes(torch::zeros({3, 4}, torch::kLong)), Error);
}

BOOST_AUTO_TEST_CASE(instances_and_batches)
{
    BOOST_TEST(Instances().size() == 0);
    BOOST_TEST(Instances(Boxes(torch::zeros({2, 4})), torch::zeros({2}, torch::kLong)).size() == 2);
    BOOST_CHECK_THROW(Instances(Boxes(), torch::zeros({1}, torch::kLong)), Error);
    BOOST_CHECK_THROW(Instances(Boxes(), torch::zeros({0})), Error);
    BOOST_CHECK_THROW(Instances(Boxes(), torch::Tensor()), Error);

    BOOST_TEST(ImageBatch().size() == 0);
    BOOST_TEST((ImageBatch().imInfo().sizes() == torch::IntArrayRef{0, 3}));
    ImageInfo info;
    info.height = 30;
    info.width = 20;
    info.scale = 1.5;
    const ImageBatch batch(torch::zeros({1, 3, 32, 32}), {info});
    BOOST_TEST(batch.size() == 1);
    BOOST_TEST(torch::equal(batch.imInfo(), torch::tensor({30.f, 20.f, 1.5f}).view({1, 3})));
    BOOST_CHECK_THROW(ImageBatch(torch::Tensor(), {}), Error);
    BOOST_CHECK_THROW(ImageBatch(torch::zeros({1, 3, 32, 32}), {}), Error);
    BOOST_CHECK_THROW(ImageBatch(torch::zeros({1, 1, 32, 32}), {info}), Error);
    BOOST_CHECK_THROW(ImageBatch(torch::zeros({1, 3, 32, 19}), {info}), Error);
    BOOST_CHECK_THROW(ImageBatch(torch::zeros({1, 3, 29, 32}), {info}), Error);
    info.scale = NAN;
    BOOST_CHECK_THROW(ImageBatch(torch::zeros({1, 3, 32, 32}), {info}), Error);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ real data
BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(d2det::test::sharedPresent))

namespace
{

std::string sharedData()
{
    return (d2det::test::sharedFolder() / "data").string() + "/";
}

}  // namespace

BOOST_AUTO_TEST_CASE(data_sets_have_their_documented_sizes)
{
    struct Case
    {
        const char *annotations, *images;
        size_t classes, count;
        int64_t instances;
    };
    for (const Case& c : {Case{"pennfudan/instances.json", "pennfudan/images", 1, 170, 423},
                          Case{"coco_person/instances_train.json", "coco_person/images", 1, 1392, 4114},
                          Case{"coco_person/instances_val.json", "coco_person/images", 1, 413, 1410},
                          Case{"vhr10/instances_train.json", "vhr10/images", 10, 454, 2660},
                          Case{"coco_cc/instances_val2017.json", "coco_cc/val2017", 80, 66, 560}})
        BOOST_TEST_CONTEXT(c.annotations)
        {
            const Dataset dataset = readDataset(sharedData() + c.annotations, sharedData() + c.images);
            BOOST_TEST(dataset.classNames.size() == c.classes);
            BOOST_TEST(dataset.images.size() == c.count);
            BOOST_TEST(dataset.numAnnotations() == c.instances);
        }
    DatasetConfig penn;
    penn.annotations = sharedData() + "pennfudan/instances.json";
    penn.images = sharedData() + "pennfudan/images";
    penn.subset = "every5th_train";
    BOOST_TEST(loadDatasets({penn}).images.size() == 136u);
    penn.subset = "every5th_val";
    BOOST_TEST(loadDatasets({penn}).images.size() == 34u);
}

BOOST_AUTO_TEST_CASE(every_validation_image_can_be_read)
{
    for (const std::string name : {"coco_cc/val2017", "vhr10/images"})
    {
        const std::string annotations = name[0] == 'c' ? "coco_cc/instances_val2017.json" : "vhr10/instances_val.json";
        const Dataset dataset = readDataset(sharedData() + annotations, sharedData() + name);
        DataLoader loader(dataset, plainConfig(), smallInput(), 4, 1, 0, LoaderOptions::onePass());
        size_t seen = 0;
        for (const Batch& batch : takeAll(loader))
            seen += batch.imageIds.size();
        BOOST_TEST(seen == dataset.images.size());
    }
}

BOOST_AUTO_TEST_SUITE_END()
