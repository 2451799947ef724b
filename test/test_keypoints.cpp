// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Keypoints: read from COCO files, moved with the image, written again. Where a point is after a change is read from
   the pixels, in which every point has a color of its own. Needs no LibTorch. */

#define BOOST_TEST_MODULE keypoints
#include <boost/test/unit_test.hpp>

#include "base/random.hpp"
#include "config/config.hpp"
#include "config/config_json.hpp"
#include "dataset/augment.hpp"
#include "dataset/coco_reader.hpp"
#include "dataset/compose.hpp"
#include "dataset/dataset_writer.hpp"
#include "dataset/geometry.hpp"
#include "dataset/lint.hpp"
#include "dataset/tiler.hpp"
#include "report/contact_sheet.hpp"
#include "errors.hpp"
#include "temp_folder.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <cmath>
#include <filesystem>
#include <set>

using nlohmann::json;
using namespace d2det;
using d2det::test::requireError;
using d2det::test::TempFolder;

namespace
{

const std::vector<std::string> NAMES = {"nose", "left_eye", "right_eye", "thumb", "pinky"};

//! One image of 64 x 48, a class with the five points, one without; `keypoints` of its one object.
json content(const json& keypoints)
{
    json object = {{"id", 1}, {"image_id", 1}, {"category_id", 4}, {"bbox", {10, 10, 40, 30}}, {"iscrowd", 0}};
    if (!keypoints.is_null())
        object["keypoints"] = keypoints;
    return {{"images", {{{"id", 1}, {"file_name", "a.png"}, {"width", 64}, {"height", 48}}}},
            {"categories",
             {{{"id", 4}, {"name", "person"}, {"keypoints", NAMES}, {"skeleton", {{1, 2}, {1, 3}, {3, 5}}}},
              {{"id", 2}, {"name", "box"}}}},
            {"annotations", {object}}};
}

const json POINTS = {20, 15, 2, 30.5, 20, 1, 0, 0, 0, 12, 38, 2, 7, 9, 0};

ReadOptions options()
{
    ReadOptions options;
    options.keepKeypoints = true;
    return options;
}

Dataset read(const TempFolder& folder, const json& file, const ReadOptions& reading = options())
{
    cv::imwrite(folder / "a.png", cv::Mat(48, 64, CV_8UC3, cv::Scalar(40, 90, 160)));
    folder.write("instances.json", file.dump());
    return readDataset(folder / "instances.json", folder.path(), reading);
}

bool mentions(const std::vector<std::string>& lines, const std::string& text)
{
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

void requirePoint(const Keypoint& point, double x, double y, int visibility, double tolerance = 1e-9)
{
    BOOST_TEST(std::abs(point.x - x) <= tolerance, point.x << " instead of " << x);
    BOOST_TEST(std::abs(point.y - y) <= tolerance, point.y << " instead of " << y);
    BOOST_TEST(point.visibility == visibility);
}

// ------------------------------------------------------------------ painted points

constexpr int COUNT = 4;
const cv::Vec3b COLORS[COUNT] = {{0, 0, 255}, {0, 255, 0}, {255, 0, 0}, {255, 0, 255}};

std::shared_ptr<const KeypointSchema> schemaOf(const std::vector<std::string>& names)
{
    KeypointSchema schema;
    schema.names = names;
    schema.mirrored = mirroredPoints(names, {});
    return std::make_shared<const KeypointSchema>(schema);
}

//! An image of 120 x 90 with one object; a square of 7 pixels around each of its points.
Sample painted()
{
    const cv::Point centers[COUNT] = {{30, 20}, {80, 25}, {40, 60}, {95, 70}};
    Sample sample;
    sample.image = cv::Mat(90, 120, CV_8UC3, cv::Scalar(40, 40, 40));
    LabeledBox box{10, 10, 110, 80};
    box.keypoints.schema = schemaOf({"nose", "left_hip", "right_hip", "tail"});
    for (int i = 0; i < COUNT; i++)
    {
        sample.image(cv::Rect(centers[i].x - 3, centers[i].y - 3, 7, 7)).setTo(COLORS[i]);
        box.keypoints.points.push_back({centers[i].x + 0.5, centers[i].y + 0.5, VISIBLE});
    }
    box.keypoints.labeled = COUNT;
    sample.boxes.push_back(box);
    return sample;
}

/** Middle of the pixels of a color, in continuous coordinates; false if they are not all in the image.
    @param square false also if the pixels are no square, so that a part of them is covered. */
bool middleOf(const cv::Mat& image, const cv::Vec3b& color, bool square, cv::Point2d& middle)
{
    cv::Mat found;
    cv::inRange(image, cv::Scalar(color[0] * 0.75, color[1] * 0.75, color[2] * 0.75),
                cv::Scalar(color[0] * 0.75 + 64, color[1] * 0.75 + 64, color[2] * 0.75 + 64), found);
    const cv::Moments m = cv::moments(found, true);
    const cv::Rect bounds = cv::boundingRect(found);
    if (m.m00 < 20 || (square && std::abs(bounds.width - bounds.height) > 1))
        return false;
    middle = {m.m10 / m.m00 + 0.5, m.m01 / m.m00 + 0.5};
    const int margin = 8;
    return middle.x > margin && middle.y > margin && middle.x < image.cols - margin && middle.y < image.rows - margin;
}

/** The points of the object are where their colors are.
    @param mirrored the point `left_hip` is where the color of `right_hip` is.
    @param square see middleOf.
    @return how many were compared. */
int comparePoints(const Sample& sample, bool mirrored, double tolerance, bool square = false)
{
    int compared = 0;
    for (const LabeledBox& box : sample.boxes)
        for (int i = 0; i < COUNT; i++)
        {
            const int color = !mirrored || i == 0 || i == 3 ? i : 3 - i;
            cv::Point2d middle;
            if (!middleOf(sample.image, COLORS[color], square, middle))
                continue;
            requirePoint(box.keypoints.points[static_cast<size_t>(i)], middle.x, middle.y, VISIBLE, tolerance);
            compared++;
        }
    return compared;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reading)

BOOST_AUTO_TEST_CASE(what_the_file_says)
{
    TempFolder folder;
    const Dataset dataset = read(folder, content(POINTS));
    BOOST_TEST(dataset.warnings.empty());
    BOOST_REQUIRE(dataset.keypoints.size() == 2u);  // classes by id: box, person
    BOOST_TEST(!dataset.keypoints[0]);
    const KeypointSchema& schema = *dataset.keypoints[1];
    BOOST_TEST(schema.names == NAMES);
    BOOST_TEST((schema.skeleton == std::vector<std::pair<int, int>>{{0, 1}, {0, 2}, {2, 4}}));
    BOOST_TEST(schema.mirrored == (std::vector<int>{0, 2, 1, 3, 4}));
    const ObjectKeypoints& keypoints = dataset.images[0].annotations[0].keypoints;
    BOOST_REQUIRE(keypoints.points.size() == 5u);
    BOOST_TEST(keypoints.schema == dataset.keypoints[1]);
    BOOST_TEST(keypoints.labeled == 3);
    requirePoint(keypoints.points[0], 20, 15, VISIBLE);
    requirePoint(keypoints.points[1], 30.5, 20, HIDDEN);
    requirePoint(keypoints.points[4], 0, 0, NOT_LABELED);  // what is not labeled has no place
    ReadOptions boxes;
    BOOST_TEST(read(folder, content(POINTS), boxes).keypoints.empty());
    BOOST_TEST(read(folder, content(POINTS), boxes).images[0].annotations[0].keypoints.empty());
}

BOOST_AUTO_TEST_CASE(objects_without)
{
    TempFolder folder;
    for (const json& none : {json(), json::array()})
    {
        const Dataset dataset = read(folder, content(none));
        BOOST_TEST(dataset.warnings.empty());
        BOOST_TEST(dataset.images[0].annotations[0].keypoints.empty());
    }
    json file = content(POINTS);
    file["annotations"][0]["num_keypoints"] = 0;  // COCO ignores such an object, whatever its points are
    BOOST_TEST(read(folder, file).images[0].annotations[0].keypoints.labeled == 0);
    file["annotations"][0]["num_keypoints"] = "many";
    BOOST_TEST(read(folder, file).images[0].annotations[0].keypoints.labeled == 3);
}

BOOST_AUTO_TEST_CASE(malformed_ones_are_left_out_and_named)
{
    TempFolder folder;
    json shorter = POINTS, strange = POINTS, text = POINTS, nothing = POINTS, far = POINTS, nested = POINTS;
    shorter.erase(0);
    strange[2] = 3;
    text[1] = "left";
    nothing[0] = nullptr;
    far[0] = 1e300;
    nested[0] = {1, 2};
    const std::vector<std::pair<json, std::string>> cases = {
        {shorter, "\"keypoints\" has 14 numbers, expected 15"},
        {strange, "point 1 of \"keypoints\" has the visibility 3, expected 0, 1 or 2"},
        {text, "holds something that is not a number"},
        {nothing, "point 1 of \"keypoints\" is at (-, 15)"},
        {far, "point 1 of \"keypoints\" is at (1"},
        {nested, "holds something that is not a number"},
        {"all of them", "holds something that is not a number"},
        {17, "holds something that is not a number"},
        {true, "holds something that is not a number"},
        {{{"x", 1}}, "holds something that is not a number"},
        {json(std::vector<int>(100000, 1)), "expected 15"}};
    for (const auto& entry : cases)
    {
        BOOST_TEST_CONTEXT(entry.second)
        {
            const Dataset dataset = read(folder, content(entry.first));
            BOOST_REQUIRE(dataset.images[0].annotations.size() == 1u);  // the box stays
            BOOST_TEST(dataset.images[0].annotations[0].keypoints.empty());
            BOOST_TEST(dataset.counters.badKeypoints == 1);
            BOOST_REQUIRE(dataset.warnings.size() == 1u);
            BOOST_TEST(mentions(dataset.warnings, "annotation id 1 (image id 1)"));
            BOOST_TEST(mentions(dataset.warnings, entry.second), dataset.warnings[0]);
            BOOST_TEST(read(folder, content(entry.first), ReadOptions()).warnings.empty());
        }
    }
    json many = content(shorter);  // all of them: the boxes are of use nevertheless
    for (int i = 2; i <= 12; i++)
    {
        many["annotations"].push_back(many["annotations"][0]);
        many["annotations"].back()["id"] = i;
    }
    const Dataset boxes = read(folder, many);
    BOOST_TEST(boxes.numAnnotations() == 12);
    BOOST_TEST(boxes.counters.badKeypoints == 12);
    BOOST_TEST(mentions(boxes.warnings, "malformed keypoints, 12 in all"));
}

BOOST_AUTO_TEST_CASE(categories_of_other_programs)
{
    TempFolder folder;
    json file = content(POINTS);
    file["categories"][0].erase("keypoints");  // labels without names
    const Dataset numbered = read(folder, file);
    BOOST_TEST(numbered.keypoints[1]->names == (std::vector<std::string>{"1", "2", "3", "4", "5"}));
    BOOST_TEST(mentions(numbered.warnings, "\"person\" has keypoints without names; they are numbered"));
    file = content(POINTS);
    file["categories"][0]["skeleton"] = {{1, 2}, {0, 1}, {1, 6}, {1, 2, 3}, "1-2", json::array(), {2, 3}};
    const Dataset lines = read(folder, file);
    BOOST_TEST((lines.keypoints[1]->skeleton == std::vector<std::pair<int, int>>{{0, 1}, {1, 2}}));
    BOOST_TEST(mentions(lines.warnings, "4 entries of \"skeleton\" are not two points from 1 to 5"));
    file["categories"][0]["keypoints"] = json(std::vector<std::string>(2000, "p"));
    requireError([&] { read(folder, file); }, {"\"keypoints\" has more than 1000 names"});
    BOOST_TEST(read(folder, file, ReadOptions()).warnings.empty());
    file["categories"][0]["keypoints"] = nullptr;
    file["categories"][0]["skeleton"] = nullptr;
    file["annotations"][0].erase("keypoints");
    BOOST_TEST(read(folder, file).keypoints.empty());
}

BOOST_AUTO_TEST_CASE(any_bytes_work_or_throw)
{
    TempFolder folder;
    const std::string text = content(POINTS).dump();
    Random random(5);
    int worked = 0;
    for (int round = 0; round < 400; round++)
    {
        std::string bytes = text;
        for (uint64_t change = random.below(3) + 1; change > 0; change--)
        {
            const std::string with = "[]{},:\"0123456789.-entruf ";
            bytes[static_cast<size_t>(random.below(bytes.size()))] =
                with[static_cast<size_t>(random.below(with.size()))];
        }
        folder.write("instances.json", bytes);
        try
        {
            ReadOptions reading = options();
            reading.checkImages = false;
            readDataset(folder / "instances.json", folder.path(), reading);
            worked++;
        }
        catch (const std::runtime_error&)
        {
        }
    }
    BOOST_TEST(worked > 0);
}

BOOST_AUTO_TEST_CASE(partners)
{
    const std::vector<std::string> names = {"leftWrist", "RIGHTWRIST", "ear_left", "left_tail", "a", "b", "ear_right"};
    BOOST_TEST(mirroredPoints(names, {}) == (std::vector<int>{1, 0, 6, 3, 4, 5, 2}));
    BOOST_TEST(mirroredPoints(names, {"a", "b"}) == (std::vector<int>{1, 0, 6, 3, 5, 4, 2}));
    // Named pairs come first; the point left alone is its own partner.
    BOOST_TEST(mirroredPoints(names, {"a", "ear_left"}) == (std::vector<int>{1, 0, 4, 3, 2, 5, 6}));
    // Of names that occur twice the first has a partner, and no point has two.
    BOOST_TEST(mirroredPoints({"left", "left", "right", "b", "b"}, {}) == (std::vector<int>{2, 1, 0, 3, 4}));

    TempFolder folder;
    ReadOptions reading = options();
    reading.keypointPairs = {"thumb", "pinky"};
    BOOST_TEST(read(folder, content(POINTS), reading).keypoints[1]->mirrored == (std::vector<int>{0, 2, 1, 4, 3}));
    reading.keypointPairs = {"thumb", "toe"};
    requireError([&] { read(folder, content(POINTS), reading); }, {"data.keypoint_pairs has \"toe\""});
}

BOOST_AUTO_TEST_CASE(keys_of_the_configuration)
{
    DataConfig config;
    config.keypointPairs = {"a", "b"};
    checkConfig(config, InputConfig());
    config.keypointPairs = {"a", "b", "c"};
    requireError([&] { checkConfig(config, InputConfig()); }, {"data.keypoint_pairs", "has 3 names"});
    config.keypointPairs = {"a", "b", "c", "a"};
    requireError([&] { checkConfig(config, InputConfig()); }, {"data.keypoint_pairs", "\"a\" twice"});
}

BOOST_AUTO_TEST_CASE(several_data_sets)
{
    TempFolder first, second;
    read(first, content(POINTS));
    json file = content(POINTS);
    std::swap(file["categories"][0]["id"], file["categories"][1]["id"]);  // another order of the classes
    file["annotations"][0]["category_id"] = 2;
    read(second, file);
    const std::vector<DatasetConfig> both = {{first / "instances.json", first.path(), "", 1},
                                             {second / "instances.json", second.path(), "", 1}};
    const Dataset merged = loadDatasets(both, options());
    for (const ImageRecord& image : merged.images)
        BOOST_TEST(image.annotations[0].keypoints.schema->names == NAMES);
    BOOST_TEST(merged.keypoints[1]->names == NAMES);
    BOOST_TEST(!merged.keypoints[0]);
    file["categories"][0]["keypoints"][0] = "beak";
    read(second, file);
    requireError([&] { loadDatasets(both, options()); }, {"\"person\" has other keypoints", "beak", "nose"});
    // Partners may be points of one of the data sets.
    file["categories"][0]["keypoints"] = {"head", "tail", "fin_1", "fin_2", "eye"};
    file["categories"][0]["skeleton"].clear();
    file["categories"][0]["name"] = "box";
    file["categories"][1]["name"] = "person";
    read(second, file);
    ReadOptions pairs = options();
    pairs.keypointPairs = {"thumb", "pinky", "fin_1", "fin_2"};
    const Dataset fish = loadDatasets(both, pairs);
    BOOST_TEST(fish.keypoints[0]->mirrored == (std::vector<int>{0, 1, 3, 2, 4}));
    BOOST_TEST(fish.keypoints[1]->mirrored == (std::vector<int>{0, 2, 1, 4, 3}));
    pairs.keypointPairs = {"thumb", "pinky", "fin_1", "fin_3"};
    requireError([&] { loadDatasets(both, pairs); }, {"data.keypoint_pairs has \"fin_3\""});
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(moving)

BOOST_AUTO_TEST_CASE(flips_and_right_angles)
{
    Sample sample = painted();
    BOOST_TEST(comparePoints(sample, false, 1e-9) == COUNT);
    flipHorizontal(sample);
    BOOST_TEST(comparePoints(sample, true, 1e-9) == COUNT);
    flipVertical(sample);  // turned by 180 degrees: left is left again
    BOOST_TEST(comparePoints(sample, false, 1e-9) == COUNT);
    flipVertical(sample);
    flipHorizontal(sample);
    for (int i = 0; i < COUNT; i++)
        requirePoint(sample.boxes[0].keypoints.points[static_cast<size_t>(i)], painted().boxes[0].keypoints.points[i].x,
                     painted().boxes[0].keypoints.points[i].y, VISIBLE);
    for (int quarters = 1; quarters < 4; quarters++)
    {
        Sample turned = painted();
        turnRight(turned, quarters);
        BOOST_TEST(comparePoints(turned, false, 1e-9) == COUNT);
    }
    Sample upsideDown = painted();
    flipVertical(upsideDown);
    BOOST_TEST(comparePoints(upsideDown, true, 1e-9) == COUNT);
}

BOOST_AUTO_TEST_CASE(points_at_the_border_stay)
{
    Sample sample = painted();
    sample.boxes[0].keypoints.points[0] = {0, 0, VISIBLE};
    flipHorizontal(sample);
    flipVertical(sample);
    requirePoint(sample.boxes[0].keypoints.points[0], 120, 90, VISIBLE);
    resizeBoxes(sample.boxes, sample.image.size(), {77, 31});
    requirePoint(sample.boxes[0].keypoints.points[0], 77, 31, VISIBLE);
    BOOST_TEST(sample.boxes[0].keypoints.labeled == COUNT);
}

BOOST_AUTO_TEST_CASE(crops_drop_what_they_cut_off)
{
    Sample sample = painted();
    crop(sample, {20, 10, 70, 65}, 1);  // without the point at (95.5, 70.5)
    BOOST_REQUIRE(sample.boxes.size() == 1u);
    const ObjectKeypoints& keypoints = sample.boxes[0].keypoints;
    requirePoint(keypoints.points[0], 10.5, 10.5, VISIBLE);
    requirePoint(keypoints.points[3], 0, 0, NOT_LABELED);
    BOOST_TEST(keypoints.labeled == 3);
    flipHorizontal(sample);  // what is not labeled stays so
    requirePoint(sample.boxes[0].keypoints.points[3], 0, 0, NOT_LABELED);
    BOOST_TEST(countLabeled(sample.boxes[0].keypoints.points) == 3);
}

BOOST_AUTO_TEST_CASE(affine_changes_and_zoom)
{
    AugmentConfig config;
    config.rotation = 40;
    config.scale = {0.7f, 1.2f};
    config.shear = 10;
    config.translation = 0.1f;
    config.zoomScale = {0.6f, 1.5f};
    Random random(3);
    int compared = 0;
    for (int round = 0; round < 60; round++)
    {
        Sample sample = painted();
        if (round % 2)
            warpRandomly(sample, random, config, {0, 1}, cv::Scalar(40, 40, 40));
        else
            zoomRandomly(sample, random, config, {0, 1}, cv::Scalar(40, 40, 40));
        compared += comparePoints(sample, false, 0.5);
        const cv::Rect2d inside(-1e-6, -1e-6, sample.image.cols + 2e-6, sample.image.rows + 2e-6);
        for (const LabeledBox& box : sample.boxes)
            for (const Keypoint& point : box.keypoints.points)
                BOOST_TEST((point.visibility == NOT_LABELED || inside.contains({point.x, point.y})));
    }
    BOOST_TEST(compared > 150);
}

BOOST_AUTO_TEST_CASE(mosaics_and_pasted_objects)
{
    Random random(4);
    int compared = 0;
    for (int round = 0; round < 20; round++)
    {
        Sample plain;
        plain.image = cv::Mat(90, 120, CV_8UC3, cv::Scalar(40, 40, 40));
        std::array<Sample, 4> images{plain, plain, plain, plain};
        images[static_cast<size_t>(round % 4)] = painted();  // colors are to be seen once
        compared += comparePoints(mosaic(images, {200, 150}, random, {0, 1}), false, 0.75, true);
    }
    BOOST_TEST(compared > 20);

    AugmentConfig config;
    config.pasteScale = {1, 1};
    Sample source = painted();
    source.image.setTo(cv::Scalar(200, 200, 200));
    source.boxes[0].mask = cv::Mat::ones(90, 120, CV_8U);  // as large as the image: it covers all points
    Sample target = painted();
    copyPaste(target, source, random, config, {0, 0});
    BOOST_REQUIRE(target.boxes.size() == 1u);  // the covered object is gone
    for (int i = 0; i < COUNT; i++)
        requirePoint(target.boxes[0].keypoints.points[static_cast<size_t>(i)],
                     source.boxes[0].keypoints.points[static_cast<size_t>(i)].x,
                     source.boxes[0].keypoints.points[static_cast<size_t>(i)].y, VISIBLE, 1e-6);
    Sample partly = painted();
    source.boxes[0].mask.setTo(0);
    source.boxes[0].mask(cv::Rect(0, 0, 120, 40)).setTo(1);
    source.boxes[0].outline.clear();
    config.pasteObjects = 1;
    copyPaste(partly, source, random, config, {0, 0});
    for (const Keypoint& point : partly.boxes[0].keypoints.points)
    {
        const bool covered = partly.image.at<cv::Vec3b>(cvFloor(point.y), cvFloor(point.x)) == cv::Vec3b(200, 200, 200);
        BOOST_TEST(point.visibility == (covered ? HIDDEN : VISIBLE));
    }
    BOOST_TEST(countLabeled(partly.boxes[0].keypoints.points) == COUNT);
}

BOOST_AUTO_TEST_CASE(usable_objects)
{
    TempFolder folder;
    json outside = POINTS;
    outside[0] = 64.5;
    const Dataset dataset = read(folder, content(outside));
    BOOST_TEST(dataset.warnings.empty());
    requirePoint(dataset.images[0].annotations[0].keypoints.points[0], 64.5, 15, VISIBLE);  // as in the file
    const std::vector<LabeledBox> boxes = usableBoxesWithMasks(dataset.images[0], 1);
    BOOST_REQUIRE(boxes.size() == 1u);
    requirePoint(boxes[0].keypoints.points[0], 0, 0, NOT_LABELED);
    requirePoint(boxes[0].keypoints.points[1], 30.5, 20, HIDDEN);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(drawing)

BOOST_AUTO_TEST_CASE(left_is_green_and_right_is_red)
{
    Sample sample = painted();
    sample.image.setTo(cv::Scalar(40, 40, 40));
    sample.boxes[0].keypoints.points[3].visibility = NOT_LABELED;
    KeypointSchema schema = *sample.boxes[0].keypoints.schema;
    schema.skeleton = {{0, 1}, {1, 3}};
    sample.boxes[0].keypoints.schema = std::make_shared<const KeypointSchema>(schema);
    const auto colorAt = [](const Sample& shown, double x, double y)
    {
        const cv::Mat sheet = drawSheet({sheetItem(shown, "")}, {""}, 1, 120);
        const int left = (sheet.cols - 120) / 2, top = sheet.rows - 90 - left;  // the same gap on three sides
        return sheet.at<cv::Vec3b>(top + cvFloor(y), left + cvFloor(x));
    };
    const cv::Vec3b white(255, 255, 255), green(80, 220, 80), red(80, 80, 240), plain(40, 40, 40);
    BOOST_TEST((colorAt(sample, 30.5, 20.5) == white));
    BOOST_TEST((colorAt(sample, 80.5, 25.5) == green));
    BOOST_TEST((colorAt(sample, 40.5, 60.5) == red));
    BOOST_TEST((colorAt(sample, 95.5, 70.5) == plain));
    BOOST_TEST((colorAt(sample, 55.5, 23) != plain));  // the line between the first two
    BOOST_TEST((colorAt(sample, 88, 48) == plain));    // none to a point that is not labeled
    flipHorizontal(sample);
    BOOST_TEST((colorAt(sample, 120 - 80.5, 25.5) == red));
    BOOST_TEST((colorAt(sample, 120 - 40.5, 60.5) == green));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(writing)

BOOST_AUTO_TEST_CASE(coco_and_back)
{
    TempFolder folder, output;
    json file = content(POINTS);
    file["annotations"][0]["num_keypoints"] = 2;
    const Dataset dataset = read(folder, file);
    WriteOptions writing;
    writing.imageFolder = folder.path();
    writing.output = output / "coco";
    BOOST_TEST(writeDataset(dataset, writing).empty());
    const Dataset again = readDataset(output / "coco/instances.json", folder.path(), options());
    BOOST_TEST(again.warnings.empty());
    BOOST_TEST(again.keypoints[1]->names == NAMES);
    BOOST_TEST((again.keypoints[1]->skeleton == dataset.keypoints[1]->skeleton));
    const ObjectKeypoints &a = dataset.images[0].annotations[0].keypoints,
                          &b = again.images[0].annotations[0].keypoints;
    BOOST_TEST(keypointValues(a.points) == keypointValues(b.points));
    BOOST_TEST(b.labeled == 2);
    writing.boxesOnly = true;
    writing.output = output / "boxes";
    BOOST_TEST(mentions(writeDataset(dataset, writing), "1 objects have keypoints, which are left out"));
    BOOST_TEST(readDataset(output / "boxes/instances.json", folder.path(), options()).keypoints.empty());
    writing.boxesOnly = false;
    for (const DatasetFormat format :
         {DatasetFormat::VOC, DatasetFormat::YOLO, DatasetFormat::LABELME, DatasetFormat::CVAT})
    {
        writing.format = format;
        writing.output = output / std::to_string(static_cast<int>(format));
        BOOST_TEST(
            mentions(writeDataset(dataset, writing), "1 objects have keypoints, which only COCO files can hold"));
    }
}

BOOST_AUTO_TEST_CASE(tiles)
{
    TempFolder folder;
    const Dataset dataset = read(folder, content(POINTS));
    int64_t remains = 0, cut = 0;
    const std::vector<Annotation> annotations = cutAnnotations(dataset.images[0], {16, 8, 40, 40}, 0.1, remains, cut);
    BOOST_REQUIRE(annotations.size() == 1u);
    const ObjectKeypoints& keypoints = annotations[0].keypoints;
    requirePoint(keypoints.points[0], 4, 7, VISIBLE);
    requirePoint(keypoints.points[1], 14.5, 12, HIDDEN);
    requirePoint(keypoints.points[3], 0, 0, NOT_LABELED);  // it was at x = 12
    BOOST_TEST(keypoints.labeled == 2);
}

BOOST_AUTO_TEST_CASE(faults_that_lint_names)
{
    TempFolder folder;
    const auto codes = [&](const json& file)
    {
        read(folder, content(json()));  // the image
        folder.write("instances.json", file.dump());
        std::set<std::string> found;
        for (const Finding& finding : lint(readRaw(folder / "instances.json", folder.path(), options())).findings)
            if (finding.code != "empty-class")
                found.insert(finding.code + (finding.error ? "!" : ""));
        return found;
    };
    json shorter = POINTS, outside = POINTS, file = content(POINTS);
    shorter.erase(0);
    outside[0] = 90;
    BOOST_TEST(codes(file).empty());
    BOOST_TEST((codes(content(shorter)) == std::set<std::string>{"bad-keypoints!"}));
    BOOST_TEST((codes(content(outside)) == std::set<std::string>{"keypoint-outside"}));
    file["annotations"][0]["num_keypoints"] = 4;
    BOOST_TEST((codes(file) == std::set<std::string>{"keypoint-count"}));
    file["annotations"][0]["num_keypoints"] = 3;
    BOOST_TEST(codes(file).empty());
}

BOOST_AUTO_TEST_SUITE_END()
