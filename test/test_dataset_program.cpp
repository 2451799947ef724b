// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset as a user calls it: every command on good and bad input. Needs no LibTorch. */

#define BOOST_TEST_MODULE dataset_program
#include <boost/test/unit_test.hpp>

#include "base/contours.hpp"
#include "shared_data.hpp"
#include "errors.hpp"
#include "programs.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>

#include <opencv2/d2det/masks.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

namespace fs = std::filesystem;
using d2det::test::contains;
using d2det::test::Outcome;
using d2det::test::TempFolder;
using d2det::test::textOf;
using nlohmann::json;

namespace
{

//! A COCO set without faults: 3 gray images of 100 x 80, 2 classes, a mask.
struct CocoSet
{
    CocoSet()
    {
        fs::create_directories(folder / "images");
        for (const char* name : {"a.png", "b.png", "c.png"})
        {
            content["images"].push_back(
                {{"id", content["images"].size() + 1}, {"file_name", name}, {"width", 100}, {"height", 80}});
            BOOST_REQUIRE(
                cv::imwrite(folder / (std::string("images/") + name), cv::Mat(80, 100, CV_8UC3, cv::Scalar::all(90))));
        }
        content["categories"] = {{{"id", 4}, {"name", "ape"}}, {{"id", 7}, {"name", "big, \"zebra\""}}};
        add(1, 4, {10, 20, 30, 40});
        add(1, 7, {50, 20, 30, 40});
        add(2, 4, {0, 0, 100, 80});
        content["annotations"][0]["segmentation"] = {{10, 20, 40, 20, 40, 60, 10, 60}};
    }

    //! Returns the annotation to change it.
    json& add(int image, int category, const std::vector<double>& box)
    {
        content["annotations"].push_back(
            {{"id", content["annotations"].size() + 1}, {"image_id", image}, {"category_id", category}, {"bbox", box}});
        return content["annotations"].back();
    }

    Outcome run(const std::string& command, const std::string& options = "") const
    {
        folder.write("instances.json", content.dump());
        return d2det::test::runProgram(folder, "d2det_dataset",
                                       command + " " + folder / "instances.json" + " " + options);
    }

    TempFolder folder;
    json content = {{"images", json::array()}, {"annotations", json::array()}};
};

//! Exit code, one line on stderr that has the word, nothing on stdout.
void expectError(const Outcome& outcome, int code, const std::string& word)
{
    BOOST_TEST(outcome.code == code, outcome.err);
    BOOST_TEST(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1, outcome.err);
    BOOST_TEST(contains(outcome.err, word), outcome.err << " has no " << word);
    BOOST_TEST(outcome.out.empty(), outcome.out);
}

//! Pixels of a region that differ from gray 90.
int drawn(const cv::Mat& image, const cv::Rect& region)
{
    cv::Mat difference;
    cv::absdiff(image(region), cv::Scalar::all(90), difference);
    int count = 0;
    for (int y = 0; y < difference.rows; y++)
        for (int x = 0; x < difference.cols; x++)
        {
            const cv::Vec3b d = difference.at<cv::Vec3b>(y, x);
            count += std::max({d[0], d[1], d[2]}) > 12;
        }
    return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(command_line)

BOOST_AUTO_TEST_CASE(help_and_mistakes)
{
    const CocoSet set;
    const auto run = [&](const std::string& arguments)
    { return d2det::test::runProgram(set.folder, "d2det_dataset", arguments); };
    BOOST_TEST(run("--help").code == 0);
    for (const char* command : {"stats", "lint", "convert", "show", "split", "tile"})
    {
        BOOST_TEST(contains(run("--help").out, command));
        const Outcome help = run(std::string(command) + " --help");
        BOOST_TEST(help.code == 0);
        BOOST_TEST(contains(help.out, "--subset"));
        expectError(run(command), 2, "the data set is missing");
        expectError(run(std::string(command) + " a b"), 2, "too many positional options");
        expectError(run(std::string(command) + " --wrong"), 2, "--wrong");
    }
    BOOST_TEST(run("").code == 2);
    expectError(run("statistics x"), 2, "'statistics' is no command");
}

BOOST_AUTO_TEST_CASE(bad_data_sets)
{
    CocoSet set;
    const std::string output = " --output " + set.folder / "o.png";
    for (const std::string command : {"stats ", "lint ", "convert --to voc ", "show "})
    {
        const std::string options = command == "stats " || command == "lint " ? "" : output;
        const auto run = [&](const std::string& path)
        { return d2det::test::runProgram(set.folder, "d2det_dataset", command + path + options); };
        expectError(run(set.folder / "none"), 1, "does not exist");
        expectError(run(set.folder.write("bad.json", "{")), 1, "not valid JSON");
        expectError(run(set.folder / "images"), 1, "no data set found");
        expectError(run(set.folder.write("bad.json", "{}") + " --subset train"), 1, "part of a folder");
        expectError(run(set.folder.write("bad.json", "{}") + " --images " + set.folder / "none"), 1, "does not exist");
    }
    BOOST_TEST(!fs::exists(set.folder / "o.png"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(stats)

BOOST_AUTO_TEST_CASE(table_and_files)
{
    const CocoSet set;
    const Outcome outcome = set.run("stats", "--output " + set.folder / "out/deep");
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    BOOST_TEST(contains(outcome.out, "3 images, 3 instances, 2 classes; 1 image without annotations"));
    const std::string csv = textOf(set.folder / "out/deep/stats.csv");
    BOOST_TEST(contains(csv, "table,row,column,value\n"));
    BOOST_TEST(contains(csv, "class,ape,instances,2\n"), csv);
    BOOST_TEST(contains(csv, "class,ape,masks,1\n"), csv);
    BOOST_TEST(contains(csv, "class,\"big, \"\"zebra\"\"\",instances,1\n"), csv);
    BOOST_TEST(contains(csv, "quantile,box width,max,100\n"), csv);
    const std::map<std::string, std::vector<std::string>> charts{
        {"classes.svg", {">Instances by class<", ">ape<", ">big, &quot;zebra&quot;<"}},
        {"instances.svg", {">Instances per image<", ">0<", ">2<", ">instances in an image<"}},
        {"box_sizes.svg", {">Size of boxes<", ">64<", "3 instances; "}},
        {"aspect_ratios.svg", {">Shape of boxes<", ">1/16<", ">8<", "3 images, 3 instances<"}}};
    for (const auto& chart : charts)
    {
        const std::string svg = textOf(set.folder / ("out/deep/" + chart.first));
        BOOST_TEST(svg.find("<svg ") == 0u, chart.first);
        BOOST_TEST(contains(svg, "</svg>"), chart.first);
        for (const std::string& text : chart.second)
            BOOST_TEST(contains(svg, text), chart.first << " lacks " << text);
        BOOST_TEST(contains(svg, "<rect "), chart.first);
    }
    set.folder.write("file", "x");
    expectError(set.run("stats", "--output " + set.folder / "file"), 1, "file");
}

BOOST_AUTO_TEST_CASE(empty_set)
{
    CocoSet set;
    set.content["annotations"] = json::array();
    const Outcome outcome = set.run("stats", "--output " + set.folder / "out");
    BOOST_TEST(outcome.code == 0, outcome.err);
    BOOST_TEST(contains(outcome.out, "0 instances"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lint)

//! What lint says with --json, by code.
std::map<std::string, std::vector<json>> findings(const CocoSet& set, int code, const std::string& options = "")
{
    const Outcome outcome = set.run("lint", "--json " + options);
    BOOST_TEST(outcome.code == code, outcome.out << outcome.err);
    const json report = json::parse(outcome.out);
    std::map<std::string, std::vector<json>> result;
    int errors = 0, warnings = 0;
    for (const json& finding : report["findings"])
    {
        result[finding["code"].get<std::string>()].push_back(finding);
        (finding["severity"] == "error" ? errors : warnings)++;
    }
    BOOST_TEST(report["errors"] == errors);
    BOOST_TEST(report["warnings"] == warnings);
    return result;
}

BOOST_AUTO_TEST_CASE(nothing_wrong)
{
    const CocoSet set;
    BOOST_TEST(findings(set, 0).empty());
    const Outcome outcome = set.run("lint");
    BOOST_TEST(outcome.code == 0);
    BOOST_TEST(outcome.out == "3 images, 3 annotations: 0 errors, 0 warnings\n");
}

BOOST_AUTO_TEST_CASE(every_fault_is_named)
{
    struct Case
    {
        const char* code;
        bool error;
        int image, annotation;  //!< in the finding; -1: none
        std::function<void(CocoSet&)> spoil;
    };
    const std::vector<Case> cases{
        {"missing-image", true, 2, -1, [](CocoSet& s) { fs::remove(s.folder / "images/b.png"); }},
        {"unreadable-image", true, 3, -1, [](CocoSet& s) { s.folder.write("images/c.png", "\x89PNG\r\n"); }},
        {"size-differs", true, 1, -1, [](CocoSet& s) { s.content["images"][0]["width"] = 101; }},
        {"bad-file-name", true, 2, -1, [](CocoSet& s) { s.content["images"][1]["file_name"] = "../images/b.png"; }},
        {"duplicate-file-name", false, 3, -1, [](CocoSet& s) { s.content["images"][2]["file_name"] = "a.png"; }},
        {"clashing-id", true, 2, -1,
         [](CocoSet& s)
         {
             s.content["images"].push_back(s.content["images"][1]);
             s.content["images"].back()["file_name"] = "c.png";
             s.content["images"].erase(2);
         }},
        {"clashing-id", true, 1, 1, [](CocoSet& s) { s.content["annotations"][1]["id"] = 1; }},
        {"repeated", false, 2, -1, [](CocoSet& s) { s.content["images"].push_back(s.content["images"][1]); }},
        {"truncated-image", true, 3, -1,
         [](CocoSet& s)
         {
             cv::Mat image(80, 100, CV_8UC3);
             cv::randu(image, 0, 255);
             BOOST_REQUIRE(cv::imwrite(s.folder / "images/c.jpg", image));
             s.content["images"][2]["file_name"] = "c.jpg";
             s.folder.write("images/c.jpg", textOf(s.folder / "images/c.jpg").substr(0, 4000));
         }},
        {"stray-points", false, 1, 1,
         [](CocoSet& s) {
             s.content["annotations"][0]["segmentation"].push_back({5, 5});
         }},
        {"box-of-outline", false, 1, 1, [](CocoSet& s) { s.content["annotations"][0].erase("bbox"); }},
        {"noted", false, -1, -1,
         [](CocoSet& s) {
             s.content["categories"].push_back({{"id", 0}, {"name", "ape"}});
         }},
        {"clashing-id", true, -1, -1,
         [](CocoSet& s) {
             s.content["categories"].push_back({{"id", 4}, {"name", "x"}});
         }},
        {"unknown-image", true, 9, 4,
         [](CocoSet& s) {
             s.add(9, 4, {1, 1, 5, 5});
         }},
        {"unknown-category", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 5, {1, 1, 5, 5});
         }},
        {"bad-box", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {1, 1, 5});
         }},
        {"bad-box", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {1, 1, -5, 5});
         }},
        {"zero-box", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {1, 1, 0, 5});
         }},
        {"box-outside", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {100, 1, 5, 5});
         }},
        {"box-beyond", false, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {90, 1, 15, 5});
         }},
        {"duplicate-box", false, 1, 4,
         [](CocoSet& s) {
             s.add(1, 4, {10.1, 20, 30, 40});
         }},
        {"bad-mask", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {1, 1, 5, 5})["segmentation"] = {{1, 1, 5, 5}};
         }},
        {"bad-mask", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {1, 1, 5, 5})["segmentation"] = {{"size", {80, 90}}, {"counts", {0, 7200}}};
         }},
        {"bad-mask", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {1, 1, 5, 5})["segmentation"] = {{"size", {80, 100}}, {"counts", {7}}};
         }},
        {"bad-mask", true, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {1, 1, 5, 5})["segmentation"] = {{"size", {80, 100}}, {"counts", "\x7f~~"}};
         }},
        {"empty-mask", false, 3, 4,
         [](CocoSet& s) {
             s.add(3, 4, {1, 1, 5, 5})["segmentation"] = {{"size", {80, 100}}, {"counts", {8000}}};
         }},
        {"mask-misfit", false, 1, 1,
         [](CocoSet& s) {
             s.content["annotations"][0]["bbox"] = {10, 20, 40, 40};
         }},
        {"empty-class", false, -1, -1, [](CocoSet& s) {
             s.content["categories"].push_back({{"id", 9}, {"name", "lion"}});
         }}};
    for (const Case& c : cases)
        BOOST_TEST_CONTEXT(c.code)
        {
            CocoSet set;
            c.spoil(set);
            const auto found = findings(set, c.error ? 1 : 0);
            BOOST_TEST(found.size() == 1u, found.size() << " kinds of findings");  // and nothing else
            BOOST_REQUIRE(found.count(c.code));
            const json& finding = found.at(c.code).at(0);
            BOOST_TEST((finding["severity"] == "error") == c.error);
            BOOST_TEST(finding.value("image_id", -1) == c.image);
            BOOST_TEST(finding.value("annotation_id", -1) == c.annotation);
            const Outcome text = set.run("lint");
            BOOST_TEST(text.code == (c.error ? 1 : 0));
            BOOST_TEST(std::count(text.out.begin(), text.out.end(), '\n') == 2, text.out);
            BOOST_TEST(contains(text.out, std::string(c.error ? "1 error (" : "1 warning (") + c.code + " 1)"),
                       text.out);
        }
}

BOOST_AUTO_TEST_CASE(limits_of_warnings)
{
    CocoSet set;
    set.add(3, 4, {95, 1, 5.9, 5});                            // rounding
    set.add(1, 4, {11, 20, 30, 40});                           // near another, not the same
    set.add(1, 7, {10, 20, 30, 40});                           // another class
    set.add(2, 4, {0, 0, 100, 80})["iscrowd"] = 1;             // a crowd around
    set.content["annotations"][0]["bbox"] = {12, 22, 27, 37};  // the mask is 2 pixels larger
    BOOST_TEST(findings(set, 0).empty());
}

BOOST_AUTO_TEST_CASE(headers_only)
{
    CocoSet set;
    // The header is whole, the pixels are not: only decoding can tell.
    const std::string png = textOf(set.folder / "images/a.png");
    set.folder.write("images/a.png", png.substr(0, png.find("IDAT") + 6));
    BOOST_TEST(findings(set, 0, "--headers-only").empty());
    BOOST_TEST(findings(set, 1).count("unreadable-image"));
}

BOOST_AUTO_TEST_CASE(voc_and_yolo)
{
    const CocoSet set;
    BOOST_REQUIRE(set.run("convert", "--to yolo --copy-images --output " + set.folder / "yolo").code == 0);
    set.folder.write("yolo/labels/c.txt", "0 0.5 0.5 0.5 0.5\n5 0.5 0.5 0.5 0.5\n");
    set.folder.write("yolo/labels/b.txt", "0 0.5 zero 0.5 0.5\n");
    Outcome outcome = d2det::test::runProgram(set.folder, "d2det_dataset", "lint " + set.folder / "yolo");
    BOOST_TEST(outcome.code == 1);
    BOOST_TEST(contains(outcome.out, "left-out"), outcome.out);
    BOOST_TEST(contains(outcome.out, "\"zero\" is not a number"), outcome.out);
    BOOST_TEST(contains(outcome.out, "the class \"5\" is not in the list of classes"), outcome.out);
    BOOST_TEST(contains(outcome.out, "labels/c.txt:2)"), outcome.out);
    BOOST_TEST(contains(outcome.out, "2 errors (left-out 1, unknown-category 1)"), outcome.out);

    BOOST_REQUIRE(set.run("convert", "--to voc --copy-images --output " + set.folder / "voc").code == 0);
    outcome = d2det::test::runProgram(set.folder, "d2det_dataset", "lint " + set.folder / "voc");
    BOOST_TEST(outcome.code == 0, outcome.out);
    set.folder.write("voc/Annotations/a.xml", "<annotation>");
    outcome = d2det::test::runProgram(set.folder, "d2det_dataset", "lint " + set.folder / "voc");
    BOOST_TEST(outcome.code == 1);
    BOOST_TEST(contains(outcome.out, "not valid XML"), outcome.out);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(convert)

BOOST_AUTO_TEST_CASE(there_and_back)
{
    const CocoSet set;
    const auto annotationsOf = [](const std::string& path)
    {
        std::map<std::string, json> boxes;  // by image, class
        const json content = json::parse(textOf(path));
        for (const json& a : content["annotations"])
            for (const json& image : content["images"])
                for (const json& category : content["categories"])
                    if (image["id"] == a["image_id"] && category["id"] == a["category_id"])
                        boxes[image["file_name"].get<std::string>() + category["name"].get<std::string>()] = a["bbox"];
        return boxes;
    };
    for (const std::string format : {"coco", "voc", "yolo", "labelme", "cvat"})
        BOOST_TEST_CONTEXT(format)
        {
            const std::string there = set.folder / ("to_" + format), back = set.folder / ("from_" + format);
            const Outcome outcome = set.run("convert", "--to " + format + " --copy-images --output " + there);
            BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
            BOOST_TEST(contains(outcome.out, "3 images with 3 annotations of 2 classes"));
            BOOST_TEST(contains(outcome.out, "1 masks: VOC") == (format == "voc"), outcome.out);
            const Outcome second = d2det::test::runProgram(set.folder, "d2det_dataset",
                                                           "convert " + there + " --to coco --output " + back);
            BOOST_REQUIRE_MESSAGE(second.code == 0, second.err);
            BOOST_TEST(contains(second.out, "note: the images stay in"));
            const auto before = annotationsOf(set.folder / "instances.json"),
                       after = annotationsOf(back + "/instances.json");
            BOOST_REQUIRE(after.size() == before.size());
            for (const auto& entry : before)
                BOOST_REQUIRE_MESSAGE(after.count(entry.first), entry.first << " is gone");
            for (const auto& entry : before)
                for (size_t i = 0; i < 4; i++)
                    BOOST_TEST(std::abs(after.at(entry.first)[i].get<double>() - entry.second[i].get<double>()) < 1e-4);
        }
}

BOOST_AUTO_TEST_CASE(mistakes)
{
    CocoSet set;
    expectError(set.run("convert", "--output x"), 2, "--to is missing");
    expectError(set.run("convert", "--to voc"), 2, "--output is missing");
    expectError(set.run("convert", "--to pdf --output x"), 2, "\"pdf\"");
    expectError(set.run("convert", "--to voc --output " + set.folder.path()), 1, "not empty");
    expectError(set.run("convert", "--to voc --output /dev/null/x"), 1, "cannot make the folder");
    fs::remove(set.folder / "images/c.png");
    expectError(set.run("convert", "--to voc --copy-images --output " + set.folder / "x"), 1, "cannot copy");
    set.content["images"][1]["id"] = 1;
    expectError(set.run("convert", "--to voc --output " + set.folder / "y"), 1, "image id 1 occurs twice");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(tile)

namespace
{

//! A scene whose objects are painted in one color each, on black: what a tile shows of them can be counted.
struct PaintedScene
{
    PaintedScene()
    {
        fs::create_directories(folder / "images/sub");
        paint("sub/a.png", {500, 300});
        paint("b.png", {150, 120});
        content["categories"] = {{{"id", 3}, {"name", "disk"}}, {{"id", 8}, {"name", "brick"}}};
        folder.write("instances.json", content.dump());
    }

    //! Disks with a mask as run lengths, triangles as polygons, bricks as boxes.
    void paint(const std::string& name, cv::Size size)
    {
        cv::Mat image = cv::Mat::zeros(size, CV_8UC3);
        const size_t id = content["images"].size() + 1;
        content["images"].push_back({{"id", id}, {"file_name", name}, {"width", size.width}, {"height", size.height}});
        cv::RNG random(id);
        for (int i = 0; i < size.area() / 9000; i++)
        {
            const cv::Point at(random.uniform(0, size.width / 40) * 40 + 20,
                               random.uniform(0, size.height / 40) * 40 + 20);
            if (!taken.insert({int(id), at.x, at.y}).second)
                continue;
            const int object = static_cast<int>(content["annotations"].size()) + 1;
            const cv::Scalar color(object, 255 - object, 100);
            json entry = {{"id", object}, {"image_id", id}, {"iscrowd", 0}, {"score", 0.5}};
            if (i % 2)
            {
                const cv::Rect box = cv::Rect(at.x - 15, at.y - 10, 31, 19) & cv::Rect(cv::Point(), size);
                cv::rectangle(image, box, color, -1);
                entry["category_id"] = 8;
                entry["bbox"] = {box.x, box.y, box.width, box.height};
                entry["area"] = box.area();
            }
            else
            {
                cv::circle(image, at, 17, color, -1);
                cv::Mat mask;
                cv::inRange(image, color, color, mask);
                const cv::Rect box = cv::boundingRect(mask);
                entry["category_id"] = 3;
                entry["bbox"] = {box.x, box.y, box.width, box.height};
                entry["area"] = cv::countNonZero(mask);
                const cv::d2det::Rle code = cv::d2det::rleEncode(mask);
                entry["segmentation"] = {{"size", {size.height, size.width}}, {"counts", cv::d2det::rleToString(code)}};
                if (i % 4 == 0)
                    entry["segmentation"] = cv::d2det::rleToPolygons(code);
            }
            content["annotations"].push_back(entry);
        }
        BOOST_REQUIRE(cv::imwrite(folder / ("images/" + name), image));
        images[name] = image;
    }

    Outcome run(const std::string& options) const
    {
        return d2det::test::runProgram(folder, "d2det_dataset", "tile " + folder / "instances.json" + " " + options);
    }

    TempFolder folder;
    json content = {{"images", json::array()}, {"annotations", json::array()}};
    std::map<std::string, cv::Mat> images;
    std::set<std::array<int, 3>> taken;
};

//! Pixels of an object.
cv::Mat pixelsOf(const cv::Mat& image, int object)
{
    cv::Mat mask;
    cv::inRange(image, cv::Scalar(object, 255 - object, 100), cv::Scalar(object, 255 - object, 100), mask);
    return mask;
}

}  // namespace

//! Every tile and annotation, computed anew from the pixels of the tiles.
BOOST_AUTO_TEST_CASE(what_the_pixels_say)
{
    const PaintedScene scene;
    const Outcome outcome =
        scene.run("--size 128 --overlap 0.25 --min-visible 0.4 --keep-empty 100% --output " + scene.folder / "tiles");
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const json tiles = json::parse(textOf(scene.folder / "tiles/instances.json"));
    BOOST_TEST(tiles["categories"] == scene.content["categories"]);
    std::map<int, std::vector<json>> annotations;
    for (const json& a : tiles["annotations"])
        annotations[a["image_id"].get<int>()].push_back(a);
    cv::Mat covered = cv::Mat::zeros(300, 500, CV_8U);
    int cut = 0, entire = 0, remains = 0;
    for (const json& tile : tiles["images"])
    {
        const std::string name = tile["file_name"], source = tile["tile_of"];
        const cv::Mat pixels = cv::imread(scene.folder / ("tiles/images/" + name));
        BOOST_REQUIRE(!pixels.empty());
        int x = 0, y = 0;
        const std::string stem = source.substr(0, source.size() - 4);
        BOOST_REQUIRE(std::sscanf(name.c_str(), (stem + "_%d_%d.png").c_str(), &x, &y) == 2);
        const cv::Rect place(x, y, tile["width"], tile["height"]);
        BOOST_TEST((pixels.size() == place.size()));
        BOOST_TEST(cv::norm(pixels, scene.images.at(source)(place), cv::NORM_INF) == 0);
        if (source == "sub/a.png")
            covered(place) = 255;
        std::map<std::string, json> found;  // by box
        for (const json& a : annotations[tile["id"].get<int>()])
            found[a["bbox"].dump()] = a;
        BOOST_TEST(found.size() == annotations[tile["id"].get<int>()].size());
        size_t expected = 0;
        for (size_t object = 1; object <= scene.content["annotations"].size(); object++)
        {
            const cv::Mat mask = pixelsOf(pixels, static_cast<int>(object));
            const int shown = cv::countNonZero(mask);
            const json& original = scene.content["annotations"][object - 1];
            // Objects do not touch each other: all of its pixels are in the image.
            const double all = original["area"].get<double>();
            if (shown == 0)
                continue;
            if (shown < 0.4 * all)
            {
                remains++;
                continue;
            }
            expected++;
            const cv::Rect box = cv::boundingRect(mask);
            const json key = {double(box.x), double(box.y), double(box.width), double(box.height)};
            BOOST_REQUIRE_MESSAGE(found.count(key.dump()), name << " has no " << key);
            const json& a = found[key.dump()];
            BOOST_TEST(a["category_id"] == original["category_id"]);
            BOOST_TEST(a["area"].get<double>() == shown);
            BOOST_TEST(a["score"] == 0.5);
            (shown < all ? cut : entire)++;
            BOOST_REQUIRE(a.contains("segmentation") == (original["category_id"] == 3));
            if (!a.contains("segmentation"))
                continue;
            const json& s = a["segmentation"];
            const cv::d2det::Rle code =
                s.is_array()
                    ? cv::d2det::rleFromPolygons(s.get<std::vector<std::vector<double>>>(), place.height, place.width)
                    : cv::d2det::rleFromString(s["counts"].get<std::string>(), place.height, place.width);
            cv::Mat own;
            cv::d2det::rleDecode(code, own);
            BOOST_TEST(cv::countNonZero((own != 0) != (mask != 0)) == 0);
        }
        BOOST_TEST(found.size() == expected);
    }
    // With --keep-empty 100 only tiles of nothing but remains are missing, and their objects are in others.
    for (size_t object = 1; object <= scene.content["annotations"].size(); object++)
        BOOST_TEST(cv::countNonZero(pixelsOf(scene.images.at("sub/a.png"), static_cast<int>(object)) & ~covered) == 0);
    BOOST_TEST((cut > 3 && entire > 3 && remains > 0), cut << " " << entire << " " << remains);
    const Outcome lint = d2det::test::runProgram(scene.folder, "d2det_dataset", "lint " + scene.folder / "tiles");
    BOOST_TEST(lint.code == 0, lint.out);
    BOOST_TEST(contains(lint.out, "0 warnings"), lint.out);
}

BOOST_AUTO_TEST_CASE(empty_tiles)
{
    TempFolder folder;
    fs::create_directories(folder / "images");
    BOOST_REQUIRE(cv::imwrite(folder / "images/a.png", cv::Mat(640, 1280, CV_8UC3, cv::Scalar::all(90))));
    json content = {{"images", {{{"id", 1}, {"file_name", "a.png"}, {"width", 1280}, {"height", 640}}}},
                    {"categories", {{{"id", 1}, {"name", "ape"}}}},
                    {"annotations",
                     {{{"id", 1}, {"image_id", 1}, {"category_id", 1}, {"bbox", {2, 2, 20, 20}}},
                      {{"id", 2}, {"image_id", 1}, {"category_id", 1}, {"bbox", {49, 2, 20, 20}}}}}};
    folder.write("instances.json", content.dump());
    const auto count = [&](const std::string& output, const std::string& options)
    {
        const Outcome outcome = d2det::test::runProgram(
            folder, "d2det_dataset",
            "tile " + folder / "instances.json" + " --size 64 --overlap 0 " + options + " --output " + folder / output);
        BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
        return json::parse(textOf(folder / (output + "/instances.json")))["images"].size();
    };
    // 20 x 10 tiles; one has an object and most of another, the next only the rest of that.
    BOOST_TEST(count("all", "--keep-empty 100") == 199u);
    BOOST_TEST(count("none", "--keep-empty 0%") == 1u);
    const size_t some = count("some", "--keep-empty 30%");
    BOOST_TEST((some > 30 && some < 90), some);
    BOOST_TEST(textOf(folder / "some/instances.json") !=
               (count("other", "--keep-empty 30% --seed 2"), textOf(folder / "other/instances.json")));
    BOOST_TEST(count("again", "--keep-empty 30") == some);
    BOOST_TEST(textOf(folder / "some/instances.json") == textOf(folder / "again/instances.json"));
    BOOST_TEST(count("slivers", "--keep-empty 0 --min-visible 0") == 2u);
    const auto wrong = [&](const std::string& options)
    { return d2det::test::runProgram(folder, "d2det_dataset", "tile " + folder / "instances.json" + " " + options); };
    expectError(wrong(""), 2, "--output is missing");
    expectError(wrong("--size 8 -o " + folder / "x"), 2, "--size");
    expectError(wrong("--keep-empty some -o " + folder / "x"), 2, "between 0 and 100 percent");
    expectError(wrong("-o " + folder / "all"), 1, "is not empty");
}

//! No tile of an image to train on shows what is in one to validate on.
BOOST_AUTO_TEST_CASE(tiles_of_an_image_stay_together)
{
    TempFolder folder;
    json content = {{"images", json::array()}, {"annotations", json::array()}};
    content["categories"] = {{{"id", 1}, {"name", "ape"}}};
    fs::create_directories(folder / "images");
    for (int i = 1; i <= 10; i++)
    {
        cv::Mat image(8, 16, CV_8UC3);
        cv::RNG(static_cast<uint64_t>(i)).fill(image, cv::RNG::UNIFORM, 0, 256);
        cv::resize(image, image, {256, 128}, 0, 0, cv::INTER_CUBIC);
        const std::string name = "i" + std::to_string(i) + ".png";
        BOOST_REQUIRE(cv::imwrite(folder / ("images/" + name), image));
        content["images"].push_back({{"id", i}, {"file_name", name}, {"width", 256}, {"height", 128}});
        for (const int x : {5, 150})
            content["annotations"].push_back({{"id", content["annotations"].size() + 1},
                                              {"image_id", i},
                                              {"category_id", 1},
                                              {"bbox", {x, 5, 40, 40}}});
    }
    folder.write("instances.json", content.dump());
    const auto run = [&](const std::string& arguments)
    {
        const Outcome outcome = d2det::test::runProgram(folder, "d2det_dataset", arguments);
        BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    };
    run("tile " + folder / "instances.json" + " --size 128 --keep-empty 100 -o " + folder / "tiles");
    run("split " + folder / "tiles" + " --val 0.3 -o " + folder / "parts");
    std::map<std::string, std::set<std::string>> parts;
    size_t count = 0;
    for (const std::string part : {"train", "val"})
    {
        const json written = json::parse(textOf(folder / ("parts/" + part + "/instances.json")));
        for (const json& image : written["images"])
        {
            parts[image["tile_of"]].insert(part);
            count++;
        }
    }
    BOOST_TEST(parts.size() == 10u);
    BOOST_TEST(count == 30u);  // 3 of each image
    for (const auto& image : parts)
        BOOST_TEST(image.second.size() == 1u, image.first);
    // The rule of configurations: all tiles of two of the ten images.
    run("convert " + folder / "tiles" + " --subset every5th_val --to coco -o " + folder / "fifth");
    std::set<std::string> sources;
    const json fifth = json::parse(textOf(folder / "fifth/instances.json"));
    for (const json& image : fifth["images"])
        sources.insert(image["tile_of"]);
    BOOST_TEST(sources.size() == 2u);
    BOOST_TEST(fifth["images"].size() == 6u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(split)

//! 20 scenes, of every second one a copy in another size and quality.
void writeScenes(const TempFolder& folder)
{
    json content = {{"images", json::array()}, {"annotations", json::array()}};
    content["categories"] = {{{"id", 1}, {"name", "ape"}}, {{"id", 2}, {"name", "zebra"}}};
    fs::create_directories(folder / "images");
    for (int scene = 0; scene < 20; scene++)
        for (int copy = 0; copy < (scene % 2 ? 2 : 1); copy++)
        {
            cv::Mat image(12, 16, CV_8UC3);
            cv::RNG(static_cast<uint64_t>(scene) + 1).fill(image, cv::RNG::UNIFORM, 0, 256);
            cv::resize(image, image, copy ? cv::Size(128, 96) : cv::Size(160, 120), 0, 0, cv::INTER_CUBIC);
            const std::string name = std::to_string(scene) + (copy ? "b" : "a") + ".jpg";
            BOOST_REQUIRE(cv::imwrite(folder / ("images/" + name), image, {cv::IMWRITE_JPEG_QUALITY, copy ? 40 : 95}));
            const size_t id = content["images"].size() + 1;
            content["images"].push_back(
                {{"id", id}, {"file_name", name}, {"width", image.cols}, {"height", image.rows}});
            content["annotations"].push_back(
                {{"id", id}, {"image_id", id}, {"category_id", 1}, {"bbox", {5, 5, 20, 20}}});
        }
    folder.write("instances.json", content.dump());
}

std::vector<std::string> namesIn(const std::string& path)
{
    std::vector<std::string> names;
    const json content = json::parse(textOf(path));
    for (const json& image : content["images"])
        names.push_back(image["file_name"]);
    return names;
}

BOOST_AUTO_TEST_CASE(copies_stay_together)
{
    const TempFolder folder;
    writeScenes(folder);
    const auto run = [&](const std::string& arguments)
    { return d2det::test::runProgram(folder, "d2det_dataset", arguments); };
    const Outcome outcome = run("split instances.json --val 0.3 --output out");
    BOOST_TEST(outcome.code == 0, outcome.err);
    BOOST_TEST(contains(outcome.out, "10 images show nearly the same"), outcome.out);
    const std::vector<std::string> train = namesIn(folder / "out/train/instances.json"),
                                   val = namesIn(folder / "out/val/instances.json");
    BOOST_TEST(train.size() + val.size() == 30u);
    BOOST_TEST((val.size() == 8u || val.size() == 9u));
    for (const std::string& name : val)
        for (const std::string& other : train)
            BOOST_TEST(name.substr(0, name.size() - 5) != other.substr(0, other.size() - 5));
    BOOST_TEST(run("stats out --subset val --images images").code == 0);
    BOOST_TEST(run("split instances.json --val 0.3 --output out").code == 1);  // not empty
    BOOST_TEST(run("split instances.json --val 0.3 --output again").code == 0);
    BOOST_TEST(namesIn(folder / "again/val/instances.json") == val, boost::test_tools::per_element());
    expectError(run("split instances.json --val 1 --output x"), 2, "--val is 1");
    const std::string lint = "lint out/train/instances.json --images images --against ";
    BOOST_TEST(!contains(run(lint + "out --against-subset val --against-images images").out, "seen-elsewhere"));
    const Outcome leak = run(lint + "instances.json");
    BOOST_TEST(contains(leak.out, "seen-elsewhere " + std::to_string(train.size())), leak.out);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(show)

BOOST_AUTO_TEST_CASE(draws_what_is_annotated)
{
    const CocoSet set;
    const std::string path = set.folder / "out/sheet.png";
    const Outcome outcome = set.run("show", "--cell 100 --columns 2 --output " + path);
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const cv::Mat sheet = cv::imread(path);  // cells of 100 x 80 below captions of 22, gaps of 10
    BOOST_TEST(sheet.size() == cv::Size(10 + 2 * 110, 10 + 2 * 112));
    const cv::Rect a(10, 32, 100, 80), c(10, 32 + 112, 100, 80);
    BOOST_TEST(drawn(sheet, cv::Rect(a.x + 15, a.y + 30, 20, 25)) > 400);  // filled by the mask
    BOOST_TEST(drawn(sheet, cv::Rect(a.x + 55, a.y + 25, 20, 30)) == 0);   // a box without a mask
    BOOST_TEST(drawn(sheet, cv::Rect(a.x + 55, a.y + 57, 20, 6)) > 20);    // its lower side
    BOOST_TEST(drawn(sheet, c) == 0);                                      // nothing annotated

    const Outcome again = set.run("show", "--cell 100 --columns 2 --output " + set.folder / "again.png");
    BOOST_TEST(again.code == 0);
    BOOST_TEST(textOf(path) == textOf(set.folder / "again.png"));
    BOOST_TEST(set.run("show", "-n 2 --output " + set.folder / "two.jpg").code == 0);
    BOOST_TEST(cv::imread(set.folder / "two.jpg").cols == 10 + 2 * 330);
}

BOOST_AUTO_TEST_CASE(augmented)
{
    const CocoSet set;
    const auto config = [&](const std::string& flip)
    { return set.folder.write("config.json", R"({"data": {"flip": )" + flip + "}}"); };
    const auto right = [&](const std::string& flip)
    {
        const std::string path = set.folder / "sheet.png";
        const Outcome outcome =
            set.run("show", "-n 3 --cell 100 --columns 2 --augmented --config " + config(flip) + " --output " + path);
        BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
        return cv::imread(path)(cv::Rect(120, 32, 100, 80)).clone();
    };
    // Boxes at x 10 .. 40 and 50 .. 80, flipped at 60 .. 90 and 20 .. 50.
    const cv::Rect leftSide(8, 30, 4, 20), flippedSide(88, 30, 4, 20);
    const cv::Mat plain = right("0"), flipped = right("1");
    BOOST_TEST(drawn(plain, leftSide) > 20);
    BOOST_TEST(drawn(plain, flippedSide) == 0);
    BOOST_TEST(drawn(flipped, leftSide) == 0);
    BOOST_TEST(drawn(flipped, flippedSide) > 20);
}

BOOST_AUTO_TEST_CASE(presets_and_versions)
{
    const CocoSet set;
    const auto sheet = [&](const std::string& options)
    {
        const std::string path = set.folder / "sheet.png";
        const Outcome outcome = set.run("show", "-n 3 --cell 100 --augmented --output " + path + " " + options);
        BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
        return cv::imread(path);
    };
    // A row is an image with its versions; with the preset that changes nothing they are all alike.
    const cv::Mat none = sheet("--versions 3 --preset none");
    BOOST_TEST(none.size() == cv::Size(10 + 4 * 110, 10 + 3 * 112));
    const cv::Rect first(10, 32, 100, 80);
    for (int version = 1; version <= 3; version++)
        BOOST_TEST(cv::norm(none(first), none(first + cv::Point(110 * version, 0)), cv::NORM_INF) == 0);
    const cv::Mat aerial = sheet("--versions 3 --preset aerial");
    BOOST_TEST(aerial.cols == none.cols);
    const auto largest = [&](const cv::Mat& all, int version)
    { return cv::norm(all(first), all(first + cv::Point(110 * version, 0)), cv::NORM_INF); };
    BOOST_TEST(std::max({largest(aerial, 1), largest(aerial, 2), largest(aerial, 3)}) > 50);  // a box is elsewhere
    BOOST_TEST(cv::norm(aerial, sheet("--versions 3 --preset aerial"), cv::NORM_INF) == 0);
    BOOST_TEST(sheet("--versions 3 --columns 2").cols == 10 + 2 * 110);
    // The preset is stronger than the file.
    const std::string config =
        set.folder.write("config.json", R"({"data": {"augment": {"mosaic": 1, "copy_paste": 1}}})");
    BOOST_TEST(cv::norm(sheet("--versions 3 --preset none --config " + config), none, cv::NORM_INF) == 0);
    BOOST_TEST(largest(sheet("--versions 3 --config " + config), 1) > 50);
}

BOOST_AUTO_TEST_CASE(mistakes)
{
    CocoSet set;
    const std::string output = " --output " + set.folder / "o.png";
    expectError(set.run("show"), 2, "--output is missing");
    expectError(set.run("show", "--output " + set.folder / "o.txt"), 2, "extension");
    for (const char* option : {"--count 0", "--columns 0", "--cell 1", "--seed -1"})
        expectError(set.run("show", option + output), 2, "must be between");
    expectError(set.run("show", "--config x" + output), 2, "--augmented");
    expectError(set.run("show", "--preset photo" + output), 2, "--preset is for --augmented");
    expectError(set.run("show", "--versions 2" + output), 2, "--versions is for --augmented");
    expectError(set.run("show", "--augmented --versions 0" + output), 2, "must be between");
    expectError(set.run("show", "--augmented --preset photos" + output), 1, "did you mean 'photo'?");
    expectError(set.run("show", "--augmented --config none.json" + output), 1, "none.json");
    std::filesystem::create_directories(set.folder / "folder.png");
    for (const char* name : {"a.png", "b.png", "c.png"})
        set.folder.write(std::string("images/") + name, "x");
    expectError(set.run("show", "--output " + set.folder / "folder.png"), 1, "it is a folder");  // not: the images
    const Outcome outcome = set.run("show", output);
    BOOST_TEST(outcome.code == 1);
    BOOST_TEST(contains(outcome.err, "none of the images can be read"));
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ anchors
BOOST_AUTO_TEST_SUITE(anchors)

//! Boxes twice as high as wide, of sides that the scale 8 misses: the printed part of a configuration fits them.
BOOST_AUTO_TEST_CASE(printed_for_a_configuration)
{
    CocoSet set;
    set.content["images"] = {{{"id", 1}, {"file_name", "a.png"}, {"width", 2000}, {"height", 2000}}};
    set.content["annotations"].clear();
    for (const double side : {11.314, 22.628, 45.255, 90.51})
        for (int i = 0; i < 5; i++)
            set.add(1, 4, {10. + 100 * i, 20, side, 2 * side});
    const json config = {{"model",
                          {{"backbone", {{"levels", {2, 3, 4, 5}}}},
                           {"fpn", {{"extra_levels", 0}}},
                           {"rpn", {{"anchor_scale", 8}, {"anchor_ratios", {1}}}},
                           {"input", {{"short_side", 2000}, {"long_side", 2000}}}}},
                         {"data",
                          {{"train", {{{"annotations", "instances.json"}, {"images", "images"}}}},
                           {"short_sides", {2000}},
                           {"long_side", 2000}}}};
    const std::string file = set.folder.write("c.json", config.dump());
    const Outcome outcome = set.run("anchors", "--config " + file);
    BOOST_TEST(outcome.code == 0, outcome.err);
    BOOST_TEST(contains(outcome.out, "20 objects"), outcome.out);
    const std::string last = outcome.out.substr(outcome.out.find("{\"model\""));
    const json part = json::parse(last);
    const double scale = part["model"]["rpn"]["anchor_scale"], ratio = part["model"]["rpn"]["anchor_ratios"].at(0);
    BOOST_TEST(std::abs(scale - 4) < 0.15, outcome.out);
    BOOST_TEST(std::abs(ratio - 2) < 0.1, outcome.out);
    BOOST_TEST(part["model"]["rpn"]["anchor_scales"].empty());
    BOOST_TEST(contains(outcome.out, "100.0 %"), outcome.out);

    // Without DATASET: data.train. With other numbers of anchors: a list of scales.
    const auto run = [&](const std::string& arguments)
    { return d2det::test::runProgram(set.folder, "d2det_dataset", "anchors " + arguments); };
    BOOST_TEST(run("--config " + file).out == outcome.out);
    const Outcome more = run("--config " + file + " --scales 2 --ratios 3");
    BOOST_TEST(more.code == 0, more.err);
    const json two = json::parse(more.out.substr(more.out.find("{\"model\"")));
    BOOST_TEST(two["model"]["rpn"]["anchor_scales"].size() == 2u);
    BOOST_TEST(two["model"]["rpn"]["anchor_ratios"].size() == 3u);
    BOOST_TEST(!two["model"]["rpn"].contains("anchor_scale"));

    expectError(run(""), 2, "--config is missing");
    expectError(run("--config " + file + " --scales 16 --ratios 5"), 2, "16 scales x 5 ratios");
    expectError(run("--config " + file + " --scales 17"), 2, "scales");
    expectError(run("--config " + (set.folder / "none.json")), 1, "none.json");
    const std::string empty = set.folder.write("empty.json", "{}");
    expectError(run("--config " + empty), 2, "data.train of the configuration is empty");
    set.content["annotations"].clear();
    const Outcome none = set.run("anchors", "--config " + file);
    BOOST_TEST(none.code == 1);
    BOOST_TEST(contains(none.err, "no usable box"), none.err);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ real data
BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(d2det::test::sharedPresent))

BOOST_AUTO_TEST_CASE(real_sets_have_no_errors)
{
    const TempFolder folder;
    const std::string data = (fs::canonical(d2det::test::sharedFolder()) / "data").string() + "/";
    for (const char* set : {"pennfudan", "vhr10 --subset val", "coco_cc/instances_val2017.json"})
    {
        const Outcome lint = d2det::test::runProgram(folder, "d2det_dataset", "lint " + data + set);
        BOOST_TEST(lint.code == 0, lint.out << lint.err);
        BOOST_TEST(contains(lint.out, "annotations: 0 errors"), lint.out);
        const Outcome stats = d2det::test::runProgram(folder, "d2det_dataset", "stats " + data + set);
        BOOST_TEST(stats.code == 0, stats.err);
        const Outcome show =
            d2det::test::runProgram(folder, "d2det_dataset", "show " + data + set + " -o " + folder / "sheet.jpg");
        BOOST_TEST(show.code == 0, show.err);
        BOOST_TEST(contains(show.out, "12 images"), show.out);
    }
    const Outcome stats = d2det::test::runProgram(folder, "d2det_dataset", "stats " + data + "pennfudan");
    BOOST_TEST(contains(stats.out, "170 images, 423 instances"), stats.out);
}

BOOST_AUTO_TEST_SUITE_END()
