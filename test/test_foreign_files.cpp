// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Data sets and results as other programs write them: encodings, turned photographs, damaged images, ids that are
   texts, entries that do not belong together, layouts. The right values are those of the same data in its plain form.
   Needs no LibTorch. The names f01, w02 and so on are those of the kinds in test_field_cases.cpp, which runs the
   programs on them. */

#define BOOST_TEST_MODULE foreign_files
#include <boost/test/unit_test.hpp>

#include "base/files.hpp"
#include "dataset/annotated_image.hpp"
#include "dataset/dataset.hpp"
#include "dataset/dataset_writer.hpp"
#include "base/jpeg_file.hpp"
#include "dataset/lint.hpp"
#include "dataset/statistics.hpp"
#include "errors.hpp"
#include "evaluation/detection_set.hpp"
#include "evaluation/result_matching.hpp"
#include "exif_jpeg.hpp"
#include "temp_folder.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <set>

namespace fs = std::filesystem;
namespace tt = boost::test_tools;
using nlohmann::json;
using namespace d2det;
using d2det::test::checkContains;
using d2det::test::contains;
using d2det::test::requireError;
using d2det::test::TempFolder;

namespace
{

//! A colored image without symmetry.
cv::Mat picture(int width, int height, int seed = 1)
{
    cv::Mat small(5, 7, CV_8UC3), image;
    cv::RNG(static_cast<uint64_t>(seed)).fill(small, cv::RNG::UNIFORM, 0, 256);
    cv::resize(small, image, {width, height}, 0, 0, cv::INTER_CUBIC);
    return image;
}

void writeImage(const TempFolder& folder, const std::string& name, int width = 100, int height = 80, int seed = 1)
{
    fs::create_directories(fs::path(folder / name).parent_path());
    BOOST_REQUIRE(cv::imwrite(folder / name, picture(width, height, seed)));
}

//! 3 images of 100 x 80 in images/, 2 classes, 4 objects with outlines.
json coco()
{
    json content = {{"images", json::array()}, {"annotations", json::array()}};
    content["categories"] = {{{"id", 1}, {"name", "ape"}}, {{"id", 2}, {"name", "zebra"}}};
    for (int i = 1; i <= 3; i++)
        content["images"].push_back(
            {{"id", i}, {"file_name", "p" + std::to_string(i) + ".jpg"}, {"width", 100}, {"height", 80}});
    const int objects[4][6] = {
        {1, 1, 10, 10, 30, 40}, {1, 2, 50, 20, 40, 30}, {2, 1, 5, 5, 60, 60}, {3, 2, 20, 30, 25, 25}};
    for (const auto& o : objects)
        content["annotations"].push_back(
            {{"id", content["annotations"].size() + 1},
             {"image_id", o[0]},
             {"category_id", o[1]},
             {"bbox", {o[2], o[3], o[4], o[5]}},
             {"area", o[4] * o[5]},
             {"iscrowd", 0},
             {"segmentation", {{o[2], o[3], o[2] + o[4], o[3], o[2] + o[4], o[3] + o[5], o[2], o[3] + o[5]}}}});
    return content;
}

//! Results that find all objects of coco() but the last one.
json results()
{
    json list = json::array();
    const json content = coco();
    for (size_t i = 0; i + 1 < content["annotations"].size(); i++)
    {
        const json& a = content["annotations"][i];
        list.push_back({{"image_id", a["image_id"]},
                        {"category_id", a["category_id"]},
                        {"bbox", a["bbox"]},
                        {"score", 0.9 - 0.1 * static_cast<double>(i)}});
    }
    return list;
}

struct Files
{
    Files()
    {
        for (int i = 1; i <= 3; i++)
            writeImage(folder, "images/p" + std::to_string(i) + ".jpg", 100, 80, i);
    }

    Dataset read(const json& content, bool evaluating = true) const { return readText(content.dump(), evaluating); }

    Dataset readText(const std::string& content, bool evaluating = true) const
    {
        ReadOptions options;
        options.keepSegmentation = true;
        options.clipBoxes = !evaluating;
        return readDataset(folder.write("instances.json", content), "", options);
    }

    std::vector<CocoResult> readResults(const json& content, std::vector<std::string>* notes = nullptr) const
    {
        return readCocoResults(folder.write("results.json", content.dump()), notes);
    }

    LintReport lintOf(const json& content) const
    {
        ReadOptions options;
        options.keepSegmentation = true;
        return lint(readRaw(folder.write("instances.json", content.dump()), "", options), {});
    }

    TempFolder folder;
};

Dataset read(const std::string& path, const std::string& subset = "", const std::string& images = "")
{
    ReadOptions options;
    options.keepSegmentation = true;
    options.subset = subset;
    return readDataset(path, images, options);
}

//! AP of boxes and masks (-1: not measured).
std::vector<double> averagePrecision(const Dataset& dataset, const std::vector<CocoResult>& found,
                                     std::vector<std::string>* notes = nullptr)
{
    const EvaluatedData data = EvaluatedData::all(dataset);
    const DetectionSet set = makeDetectionSet(data, "results", found);
    if (notes)
        *notes = set.notes;
    return {analyze(set, data, cv::d2det::IOU_BOX).summary[0],
            set.maskImageIds.empty() ? -1 : analyze(set, data, cv::d2det::IOU_MASK).summary[0]};
}

int codes(const LintReport& report, const std::string& code)
{
    return static_cast<int>(std::count_if(report.findings.begin(), report.findings.end(),
                                          [&](const Finding& finding) { return finding.code == code; }));
}

bool anyContains(const std::vector<std::string>& texts, const std::string& part)
{
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) { return contains(text, part); });
}

//! ASCII text in UTF-16 or UTF-32.
std::string wide(const std::string& text, size_t unit, bool big, bool mark)
{
    std::string bytes;
    const auto add = [&](uint32_t c)
    {
        for (size_t i = 0; i < unit; i++)
            bytes += static_cast<char>(c >> 8 * (big ? unit - 1 - i : i) & 0xff);
    };
    if (mark)
        add(0xfeff);
    for (const char c : text)
        add(static_cast<unsigned char>(c));
    return bytes;
}

const std::string MARK = "\xef\xbb\xbf";

}  // namespace

// ------------------------------------------------------------------ encodings
BOOST_AUTO_TEST_SUITE(texts)

BOOST_AUTO_TEST_CASE(f07_encodings_of_texts)
{
    BOOST_TEST(decodeText("a\xc3\xa4\n") == "a\xc3\xa4\n");
    BOOST_TEST(decodeText(MARK + "abc") == "abc");
    BOOST_TEST(decodeText("").empty());
    BOOST_TEST(decodeText(MARK).empty());
    for (const size_t unit : {size_t(2), size_t(4)})
        for (const bool big : {false, true})
            BOOST_TEST(decodeText(wide("class\r\n1", unit, big, true)) == "class\r\n1");
    for (const bool big : {false, true})
        BOOST_TEST(decodeText(wide("person\n", 2, big, false)) == "person\n");
    const std::string clef("\xff\xfe\x34\xd8\x1e\xdd\xe4\x00\xac\x20", 10);  // U+1D11E U+00E4 U+20AC
    BOOST_TEST(decodeText(clef) == "\xf0\x9d\x84\x9e\xc3\xa4\xe2\x82\xac");
    for (const std::string& bad : {std::string("\xff\xfe\x34\xd8", 4), std::string("\xff\xfe\x34\xd8\x41\x00", 6),
                                   std::string("\xff\xfe\x1e\xdd", 4), std::string("\xff\xfe\x41", 3)})
        requireError([&] { decodeText(bad); }, {"UTF-16"});
    requireError([&] { decodeText(std::string("ab\0c", 4)); }, {"zero bytes"});
}

BOOST_AUTO_TEST_CASE(f07_lines_and_lists)
{
    using Lines = std::vector<std::string>;
    BOOST_TEST(splitLines("a\r\n b \rc\n\nd") == (Lines{"a", "b", "c", "", "d"}), tt::per_element());
    BOOST_TEST(splitLines("a\n" + MARK + "b\n") == (Lines{"a", "b"}), tt::per_element());
    BOOST_TEST(splitList(MARK + "# names\r\n\"my photo (1).jpg\"\r\n\r\n'x'\n#1.jpg\n") ==
                   (Lines{"my photo (1).jpg", "x", "#1.jpg"}),
               tt::per_element());
    int64_t value = 0;
    for (const char* text : {"12", "0012", "12.0", "12."})
        BOOST_TEST((parseInteger(text, value) && value == 12), text);
    BOOST_TEST((parseInteger("-3", value) && value == -3));
    for (const char* text : {"", "x", "1x", "1.5", "1e5", " 1", "99999999999999999999", "."})
        BOOST_TEST(!parseInteger(text, value), text);
}

BOOST_AUTO_TEST_CASE(f07_every_reader_takes_every_encoding)
{
    const Files files;
    const std::string instances = coco().dump(), found = results().dump();
    for (const std::string& text : {MARK + instances, wide(instances, 2, false, true), wide(instances, 2, true, true),
                                    wide(instances, 2, false, false), wide(instances, 4, false, true)})
        BOOST_TEST(files.readText(text).numAnnotations() == 4);
    BOOST_TEST(readCocoResults(files.folder.write("r.json", wide(found, 2, false, true))).size() == 3u);
    requireError([&] { files.readText(std::string("\xff\xfe\x34\xd8", 4) + "x"); }, {"UTF-16"});
    for (const bool utf16 : {false, true})
    {
        const auto encoded = [&](const std::string& text) { return utf16 ? wide(text, 2, false, true) : MARK + text; };
        const TempFolder yolo, voc;
        writeImage(yolo, "images/a.jpg");
        yolo.write("labels/a.txt", encoded("0 0.5 0.5 0.5 0.5\r\n"));
        for (const char* const names : {"classes.txt", "obj.names", "data.yaml"})
        {
            yolo.write(names, encoded(fs::path(names).extension() == ".yaml" ? "names: [ape]\r\n" : "ape\r\n"));
            const Dataset dataset = read(yolo.path());
            BOOST_TEST(dataset.classNames == std::vector<std::string>{"ape"}, tt::per_element());
            BOOST_TEST(dataset.numAnnotations() == 1);
            fs::remove(yolo / names);
        }
        writeImage(voc, "JPEGImages/a.jpg");
        voc.write("Annotations/a.xml",
                  encoded("<annotation><object><name>ape</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>"
                          "<ymax>9</ymax></bndbox></object></annotation>"));
        voc.write("classes.txt", encoded("ape\n"));
        voc.write("ImageSets/Main/train.txt", encoded("a\r\n"));
        BOOST_TEST(read(voc.path(), "train").numAnnotations() == 1);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ turned and damaged images
BOOST_AUTO_TEST_SUITE(images)

//! The stored pixels of an upright image that a tag shows upright again.
cv::Mat storedFor(const cv::Mat& upright, int orientation)
{
    cv::Mat stored;
    switch (orientation)
    {
        case 2:
            cv::flip(upright, stored, 1);
            return stored;
        case 3:
            cv::flip(upright, stored, -1);
            return stored;
        case 4:
            cv::flip(upright, stored, 0);
            return stored;
        case 5:
            cv::transpose(upright, stored);
            return stored;
        case 6:
            cv::rotate(upright, stored, cv::ROTATE_90_COUNTERCLOCKWISE);
            return stored;
        case 7:
            cv::transpose(upright, stored);
            cv::flip(stored, stored, -1);
            return stored;
        case 8:
            cv::rotate(upright, stored, cv::ROTATE_90_CLOCKWISE);
            return stored;
        default:
            return upright.clone();
    }
}

double difference(const cv::Mat& a, const cv::Mat& b)
{
    return a.size() == b.size() ? cv::norm(a, b, cv::NORM_L1) / double(a.total() * 3) : 1e9;
}

BOOST_AUTO_TEST_CASE(f01_all_orientations_in_both_conventions)
{
    const TempFolder folder;
    for (const bool square : {false, true})
        for (int orientation = 1; orientation <= 8; orientation++)
            BOOST_TEST_CONTEXT("orientation " << orientation << (square ? ", square" : ""))
            {
                const cv::Mat upright = picture(square ? 64 : 96, 64), stored = storedFor(upright, orientation);
                const std::string path = folder / "a.jpg";
                d2det::test::writeExifJpeg(path, stored, orientation);
                const JpegHeader header = readJpegHeader(path);
                BOOST_TEST(header.orientation == orientation);
                BOOST_TEST(cv::Size(header.width, header.height) == stored.size());
                ImageFault fault;
                std::string reason;
                BOOST_TEST(difference(readAnnotatedImage(path, upright.size(), false, fault, reason), upright) < 4);
                BOOST_TEST(difference(readAnnotatedImage(path, stored.size(), true, fault, reason), stored) < 4);
                if (upright.size() == stored.size())
                    continue;
                // Where only one of them fits, the size decides whatever the other images say.
                BOOST_TEST(difference(readAnnotatedImage(path, stored.size(), false, fault, reason), stored) < 4);
                BOOST_TEST(difference(readAnnotatedImage(path, upright.size(), true, fault, reason), upright) < 4);
            }
}

//! A square image and one turned by 180 degrees follow the convention of the images that show it.
BOOST_AUTO_TEST_CASE(f01_one_convention_for_a_file)
{
    for (const bool asStored : {false, true})
    {
        const TempFolder folder;
        fs::create_directories(folder / "images");
        const cv::Mat wideImage = picture(96, 64, 1), square = picture(64, 64, 2), turned = picture(96, 64, 3);
        d2det::test::writeExifJpeg(folder / "images/a.jpg", storedFor(wideImage, 6), 6);
        d2det::test::writeExifJpeg(folder / "images/b.jpg", storedFor(square, 8), 8);
        d2det::test::writeExifJpeg(folder / "images/c.jpg", storedFor(turned, 3), 3);
        json content = coco();
        for (int i = 0; i < 3; i++)
        {
            const cv::Size size = i == 1 ? cv::Size(64, 64) : i == 0 && asStored ? cv::Size(64, 96) : cv::Size(96, 64);
            content["images"][i]["file_name"] = std::string(1, static_cast<char>('a' + i)) + ".jpg";
            content["images"][i]["width"] = size.width;
            content["images"][i]["height"] = size.height;
        }
        folder.write("instances.json", content.dump());
        const Dataset dataset = read(folder.path());
        std::string reason;
        const std::vector<std::pair<cv::Mat, int>> expected{{wideImage, 6}, {square, 8}, {turned, 3}};
        for (size_t i = 0; i < 3; i++)
            BOOST_TEST(difference(readAnnotatedImage(dataset.images[i], reason),
                                  asStored ? storedFor(expected[i].first, expected[i].second) : expected[i].first) < 4,
                       (asStored ? "stored " : "upright ") << i);
    }
}

BOOST_AUTO_TEST_CASE(f09_truncated_files_are_named)
{
    const Files files;
    const std::string path = files.folder / "images/p1.jpg", good = d2det::test::textOf(path);
    std::vector<unsigned char> bytes;
    cv::imencode(".jpg", picture(100, 80), bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
    const std::string progressive(bytes.begin(), bytes.end());
    const auto truncated = [&](const std::string& content)
    { return isTruncatedJpeg(files.folder.write("x.jpg", content)); };
    for (const std::string& whole : {good, progressive})
    {
        BOOST_TEST(!truncated(whole));
        BOOST_TEST(!truncated(whole + std::string(100, '\0')));  // padding
        BOOST_TEST(!truncated(whole + "trailer of a camera"));   // and other things after the end
        for (const double part : {0.5, 0.7, 0.9})
            BOOST_TEST(truncated(whole.substr(0, static_cast<size_t>(part * static_cast<double>(whole.size())))), part);
    }
    for (size_t missing = 1; missing <= 2; missing++)  // of the end marker
        BOOST_TEST(!truncated(good.substr(0, good.size() - missing)));
    BOOST_TEST(truncated(good.substr(0, good.size() - 8)));
    for (const auto& parameters : std::vector<std::vector<int>>{
             {cv::IMWRITE_JPEG_RST_INTERVAL, 3}, {cv::IMWRITE_JPEG_QUALITY, 30}, {cv::IMWRITE_JPEG_OPTIMIZE, 1}})
        for (const bool gray : {false, true})
        {
            cv::Mat image = picture(99, 77);
            if (gray)
                cv::cvtColor(image, image, cv::COLOR_BGR2GRAY);
            BOOST_REQUIRE(cv::imencode(".jpg", image, bytes, parameters));
            const std::string whole(bytes.begin(), bytes.end());
            BOOST_TEST(!truncated(whole.substr(0, whole.size() - 2)), parameters[0] << " " << gray);
            BOOST_TEST(truncated(whole.substr(0, whole.size() * 3 / 4)), parameters[0] << " " << gray);
        }
    // A thumbnail in the header has an end marker of its own.
    const std::string thumbnail = std::string(
        "\xff\xe1\x00\x0c"
        "Exif\x00\x00"
        "\xff\xd8\xff\xd9",
        14);
    BOOST_TEST(truncated(good.substr(0, 2) + thumbnail + good.substr(2, good.size() / 2)));
    BOOST_TEST(!truncated(good.substr(0, 2) + thumbnail + good.substr(2)));
    BOOST_TEST(!truncated("no image"));
    BOOST_TEST(!truncated(""));

    files.folder.write("images/p1.jpg", good.substr(0, good.size() / 2));
    const LintReport report = files.lintOf(coco());
    BOOST_TEST(report.errors == 1);
    BOOST_REQUIRE(codes(report, "truncated-image") == 1);
    BOOST_TEST(report.findings.front().imageId.value_or(-1) == 1);
    checkContains(report.findings.front().message, "p1.jpg");
    std::string reason;
    BOOST_TEST(readAnnotatedImage(files.read(coco()).images[0], reason).empty());
    checkContains(reason, "truncated");
}

BOOST_AUTO_TEST_CASE(any_bytes_have_an_answer)
{
    const Files files;
    const std::string good = d2det::test::textOf(files.folder / "images/p2.jpg");
    cv::RNG random(7);
    for (int i = 0; i < 300; i++)
    {
        std::string text = good.substr(0, static_cast<size_t>(random.uniform(0, static_cast<int>(good.size()))));
        for (int k = 0; k < 3 && !text.empty(); k++)
            text[static_cast<size_t>(random.uniform(0, static_cast<int>(text.size())))] =
                static_cast<char>(random.next());
        const std::string path = files.folder.write("x.jpg", text);
        const JpegHeader header = readJpegHeader(path);
        BOOST_TEST((header.orientation >= 1 && header.orientation <= 8));
        isTruncatedJpeg(path);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ COCO
BOOST_AUTO_TEST_SUITE(coco_files)

BOOST_AUTO_TEST_CASE(f02_entries_that_are_no_classes)
{
    const Files files;
    json content = coco();
    content["categories"].push_back({{"id", 0}, {"name", "ape"}, {"supercategory", "none"}});
    Dataset dataset = files.read(content);
    BOOST_TEST(dataset.classNames == (std::vector<std::string>{"ape", "zebra"}), tt::per_element());
    BOOST_TEST(dataset.categoryIds == (std::vector<int64_t>{1, 2}), tt::per_element());
    BOOST_TEST(anyContains(dataset.warnings, "\"ape\" (id 0)"));
    BOOST_TEST(files.lintOf(content).errors == 0);
    // Roboflow's entry for the project, with another name.
    content = coco();
    content["categories"] = {{{"id", 0}, {"name", "animals"}, {"supercategory", "none"}},
                             {{"id", 1}, {"name", "ape"}, {"supercategory", "animals"}},
                             {{"id", 2}, {"name", "zebra"}, {"supercategory", "animals"}}};
    BOOST_TEST(files.read(content).classNames == (std::vector<std::string>{"ape", "zebra"}), tt::per_element());
    content["annotations"][0]["category_id"] = 0;  // it is a class after all
    BOOST_TEST(files.read(content).classNames.size() == 3u);
    content = coco();
    content["categories"].push_back(content["categories"][0]);
    BOOST_TEST(files.read(content).classNames.size() == 2u);
    content["categories"][2]["id"] = 7;
    content["annotations"][2]["category_id"] = 7;
    requireError([&] { files.read(content); }, {"\"ape\" occurs twice"});
    content = coco();  // an unused class stays one
    content["categories"].push_back({{"id", 3}, {"name", "lion"}});
    BOOST_TEST(files.read(content).classNames.size() == 3u);
}

BOOST_AUTO_TEST_CASE(f16_ids_that_are_texts)
{
    const Files files;
    const double plain = averagePrecision(files.read(coco()), files.readResults(results()))[0];
    BOOST_TEST(plain == 0.75, tt::tolerance(1e-2));  // one class whole, the other half
    for (const char* const kind : {"img_%d", "%d", "000%d", "a%d.0", "p%d", "p%d.jpg"})
    {
        const auto text = [&](const json& id) { return cv::format(kind, id.get<int>()); };
        json content = coco(), found = results();
        for (json& image : content["images"])
            image["id"] = text(image["id"]);
        for (json& a : content["annotations"])
        {
            a["image_id"] = text(a["image_id"]);
            a["id"] = text(a["id"]);
        }
        for (json& r : found)
            r["image_id"] = text(r["image_id"]);
        BOOST_TEST(averagePrecision(files.read(content), files.readResults(found))[0] == plain, kind);
        std::reverse(content["images"].begin(), content["images"].end());
        BOOST_TEST(averagePrecision(files.read(content), files.readResults(found))[0] == plain, kind);
    }
    json content = coco(), found = results();
    for (json& category : content["categories"])
        category["id"] = "c" + std::to_string(category["id"].get<int>());
    for (json& a : content["annotations"])
        a["category_id"] = "c" + std::to_string(a["category_id"].get<int>());
    BOOST_TEST(files.read(content).numAnnotations() == 4);
    content = coco();
    for (json& a : content["annotations"])
    {
        a["category_id"] = std::to_string(a["category_id"].get<int>());
        a["image_id"] = std::to_string(a["image_id"].get<int>());
        a["iscrowd"] = "0";
        a["area"] = "100.5";
        for (json& side : a["bbox"])
            side = std::to_string(side.get<int>());
        a.erase("id");
    }
    for (json& image : content["images"])
        image["width"] = "100";
    BOOST_TEST(averagePrecision(files.read(content), files.readResults(results()))[0] == plain);
    for (json& r : found)
    {
        r["score"] = std::to_string(r["score"].get<double>());
        r["category_id"] = r["category_id"] == 1 ? "ape" : "zebra";
    }
    BOOST_TEST(averagePrecision(files.read(coco()), files.readResults(found))[0] == plain);
    content = coco();
    content["annotations"][0]["image_id"] = 1.5;
    requireError([&] { files.read(content); }, {"\"image_id\" is the number 1.5"});
}

BOOST_AUTO_TEST_CASE(lvis_has_addresses_and_no_crowds)
{
    const Files files;
    json content = coco();
    for (json& image : content["images"])
    {
        image["coco_url"] = "http://images.cocodataset.org/images/" + image["file_name"].get<std::string>();
        image["neg_category_ids"] = {1, 2};
        image["not_exhaustive_category_ids"] = json::array();
        image.erase("file_name");
    }
    for (json& a : content["annotations"])
        a.erase("iscrowd");
    for (json& category : content["categories"])
    {
        category["synset"] = "x.n.01";
        category["synonyms"] = {"x", "y"};
        category["frequency"] = "c";
    }
    const Dataset dataset = files.read(content);
    BOOST_TEST(dataset.numAnnotations() == 4);
    BOOST_TEST(fs::is_regular_file(dataset.images.at(0).path), dataset.images[0].path);
    content["images"][0].erase("coco_url");
    requireError([&] { files.read(content); }, {"\"file_name\" is missing"});
}

BOOST_AUTO_TEST_CASE(paths_of_another_machine)
{
    const Files files;
    for (const std::string prefix : {"images\\", "C:\\data\\set\\images\\", "/home/somebody/set/images/", "set/images/",
                                     ".\\images\\", "https://host/set/"})
    {
        json content = coco();
        for (json& image : content["images"])
            image["file_name"] = prefix + image["file_name"].get<std::string>();
        const Dataset dataset = files.read(content);
        BOOST_TEST(fs::is_regular_file(dataset.images.at(2).path), prefix << " " << dataset.images[2].path);
        BOOST_TEST(read(files.folder / "instances.json", "", files.folder / "images").numAnnotations() == 4);
        BOOST_TEST(files.lintOf(content).errors == 0, prefix);
    }
    json content = coco();
    for (json& image : content["images"])
        image["file_name"] = "/etc/passwd";
    requireError([&] { files.read(content); }, {"none of its first images"});
}

BOOST_AUTO_TEST_CASE(w01_sizes_come_from_the_images)
{
    const Files files;
    for (const json& value : {json("erased"), json(0), json(nullptr), json("0")})
        for (const std::string missing : {"width", "height", "both"})
        {
            json content = coco();
            for (json& image : content["images"])
                for (const char* const side : {"width", "height"})
                {
                    if (missing != side && missing != "both")
                        continue;
                    image[side] = value;
                    if (value == "erased")
                        image.erase(side);
                }
            const Dataset dataset = files.read(content, false);
            BOOST_TEST(dataset.images.at(1).width == 100);
            BOOST_TEST(dataset.images.at(1).height == 80);
            BOOST_TEST(dataset.numAnnotations() == 4);
        }
    json content = coco();
    for (json& image : content["images"])
        image.erase("width");
    fs::remove(files.folder / "images/p2.jpg");
    const Dataset dataset = files.read(content);
    BOOST_TEST(dataset.images.size() == 2u);
    BOOST_TEST(dataset.counters.skippedImages == 1);
    BOOST_TEST(dataset.counters.orphans == 0);  // its objects are named with it
    BOOST_TEST(anyContains(dataset.warnings, "p2.jpg"));
    const LintReport report = files.lintOf(content);
    BOOST_TEST(report.errors == 1);
    BOOST_TEST(codes(report, "left-out") == 1);
}

BOOST_AUTO_TEST_CASE(w02_orphans_and_repeated_entries)
{
    const Files files;
    const double plain = averagePrecision(files.read(coco()), files.readResults(results()))[0];
    const auto ap = [&](const json& content, std::vector<std::string>* warnings = nullptr)
    {
        const Dataset dataset = files.read(content);
        if (warnings)
            *warnings = dataset.warnings;
        std::set<int64_t> ids;
        for (const ImageRecord& image : dataset.images)
            for (const Annotation& a : image.annotations)
                BOOST_TEST(ids.insert(a.id).second);
        return averagePrecision(dataset, files.readResults(results()))[0];
    };
    std::vector<std::string> warnings;
    json content = coco();
    content["annotations"].push_back(
        {{"id", 99}, {"image_id", 77}, {"category_id", 1}, {"bbox", {1, 1, 5, 5}}, {"area", 25}, {"iscrowd", 0}});
    BOOST_TEST(ap(content, &warnings) == plain);
    BOOST_TEST(anyContains(warnings, "annotation id 99: image id 77 is not in \"images\", left out"));
    content["annotations"].back()["image_id"] = 1;
    content["annotations"].back()["category_id"] = 7;
    BOOST_TEST(ap(content, &warnings) == plain);
    BOOST_TEST(anyContains(warnings, "category id 7 is not in \"categories\", left out"));
    BOOST_TEST(files.read(content).counters.orphans == 1);
    content = coco();
    for (json& a : content["annotations"])  // counted per image
        a["id"] = 1;
    BOOST_TEST(ap(content, &warnings) == plain);
    BOOST_TEST(anyContains(warnings, "the id occurs twice"));
    content = coco();
    content["images"].push_back(content["images"][0]);
    content["annotations"].push_back(content["annotations"][1]);
    BOOST_TEST(ap(content, &warnings) == plain);
    BOOST_TEST(files.read(content).counters.duplicates == 2);
    BOOST_TEST(anyContains(warnings, "listed twice"));
    content["images"].back()["file_name"] = "p2.jpg";  // which of them has the objects?
    requireError([&] { files.read(content); }, {"image id 1 occurs twice", "p1.jpg", "p2.jpg"});
    content = coco();
    for (json& a : content["annotations"])
        a["image_id"] = 77;
    requireError([&] { files.read(content); }, {"none of the 4 annotations"});
}

BOOST_AUTO_TEST_CASE(w04_boxes_from_outlines)
{
    const Files files;
    const double plain = averagePrecision(files.read(coco()), files.readResults(results()))[0];
    const std::vector<json> placeholders{json(), json::array(), {0, 0, 0, 0}, {nullptr, nullptr, nullptr, nullptr}};
    for (const json& box : placeholders)
        for (const bool runs : {false, true})
        {
            json content = coco();
            for (json& a : content["annotations"])
            {
                const std::vector<int> b = a["bbox"];
                cv::Mat mask(80, 100, CV_8U, cv::Scalar(0));
                mask(cv::Rect(b[0], b[1], b[2], b[3])).setTo(1);
                if (runs)
                    a["segmentation"] = {{"size", {80, 100}}, {"counts", cv::d2det::rleEncode(mask).counts}};
                a["bbox"] = box;
            }
            const Dataset dataset = files.read(content, false);
            BOOST_TEST(dataset.counters.dropped == 0);
            BOOST_TEST(anyContains(dataset.warnings, "4 annotations have an outline, but no box"));
            BOOST_TEST(averagePrecision(dataset, files.readResults(results()))[0] == plain);
            ReadOptions boxesOnly;  // outlines are read for their boxes, but not kept
            const Dataset light = readDataset(files.folder / "instances.json", "", boxesOnly);
            BOOST_TEST(light.numAnnotations() == 4);
            BOOST_TEST(!light.images[0].annotations[0].segmentation);
            BOOST_TEST(codes(files.lintOf(content), "box-of-outline") == 4);
        }
}

BOOST_AUTO_TEST_CASE(f19_stray_points_in_outlines)
{
    const Files files;
    json found = results();
    for (json& r : found)
    {
        const std::vector<double> b = r["bbox"];
        r["segmentation"] = {{b[0], b[1], b[0] + b[2], b[1], b[0] + b[2], b[1] + b[3], b[0], b[1] + b[3]}};
    }
    const std::vector<double> plain = averagePrecision(files.read(coco()), files.readResults(found));
    BOOST_TEST(plain[1] == plain[0], tt::tolerance(1e-9));
    for (const json& stray : {json({64, 64}), json({1, 1, 5, 5}), json::array(), json({1, 2, 3, 4, 5, 6, 7})})
        for (const bool first : {false, true})
        {
            json content = coco();
            json& outline = content["annotations"][1]["segmentation"];
            outline.insert(first ? outline.begin() : outline.end(), stray);
            std::vector<std::string> notes;
            BOOST_TEST(averagePrecision(files.read(content), files.readResults(found), &notes) == plain,
                       tt::per_element());
            BOOST_TEST(notes.empty());
            BOOST_TEST(codes(files.lintOf(content), "stray-points") == 1);
            json spoiled = found;
            spoiled[0]["segmentation"].push_back(stray);
            BOOST_TEST(averagePrecision(files.read(coco()), files.readResults(spoiled)) == plain, tt::per_element());
        }
    json content = coco();  // a list of points is an outline
    content["annotations"][0]["segmentation"] = {{10, 10}, {40, 10}, {40, 50}, {10, 50}};
    BOOST_TEST(averagePrecision(files.read(content), files.readResults(found)) == plain, tt::per_element());
}

BOOST_AUTO_TEST_CASE(w06_fractions_instead_of_pixels)
{
    const Files files;
    json content = coco();
    for (json& a : content["annotations"])
    {
        for (size_t i = 0; i < 4; i++)
            a["bbox"][i] = a["bbox"][i].get<double>() / (i % 2 ? 80 : 100);
        a.erase("segmentation");
    }
    const LintReport report = files.lintOf(content);
    BOOST_TEST(report.errors == 0);
    BOOST_TEST(codes(report, "fractions-as-pixels") == 1);
    BOOST_TEST(anyContains(files.read(content).warnings, "fractions"));
    BOOST_TEST(codes(files.lintOf(coco()), "fractions-as-pixels") == 0);
}

BOOST_AUTO_TEST_CASE(annotated_as_empty)
{
    const Files files;
    json content = coco();
    content["annotations"].erase(3);
    content["annotations"][2]["iscrowd"] = 1;
    const Dataset dataset = files.read(content);
    BOOST_TEST((dataset.images[0].empty == EmptyImage::NO));
    BOOST_TEST((dataset.images[1].empty == EmptyImage::NO));  // a crowd is something
    BOOST_TEST((dataset.images[2].empty == EmptyImage::ANNOTATED));
    content["annotations"][2]["bbox"] = {5, 5, -1, 5};
    content["annotations"][2]["segmentation"] = json::array();
    BOOST_TEST((files.read(content).images[1].empty == EmptyImage::NO));  // an unusable box as well
    const DatasetStatistics statistics = computeStatistics(dataset);
    BOOST_TEST(statistics.annotatedEmptyImages == 1);

    const TempFolder yolo, voc;
    for (const char* name : {"a", "b", "c"})
        writeImage(yolo, std::string("images/") + name + ".jpg");
    yolo.write("labels/a.txt", "0 0.5 0.5 0.5 0.5");
    yolo.write("labels/b.txt", "\n");
    yolo.write("classes.txt", "ape");
    const Dataset labels = read(yolo.path());
    BOOST_TEST((labels.images[1].empty == EmptyImage::ANNOTATED));
    BOOST_TEST((labels.images[2].empty == EmptyImage::UNLABELED));
    BOOST_TEST(computeStatistics(labels).unlabeledImages == 1);
    for (const DatasetFormat format : {DatasetFormat::COCO, DatasetFormat::VOC, DatasetFormat::YOLO})
    {
        const TempFolder output;
        WriteOptions writing;
        writing.format = format;
        writing.output = output / "out";
        writing.imageFolder = yolo / "images";
        writing.copyImages = true;
        const std::vector<std::string> lost = writeDataset(labels, writing);
        BOOST_TEST(anyContains(lost, "1 images without a label file") == (format != DatasetFormat::YOLO));
        const Dataset again = read(output / "out");
        BOOST_TEST(again.images.size() == (format == DatasetFormat::VOC ? 2u : 3u));
        BOOST_TEST((again.images[1].empty == EmptyImage::ANNOTATED));
        if (format == DatasetFormat::YOLO)
            BOOST_TEST((again.images[2].empty == EmptyImage::UNLABELED));
    }
    writeImage(voc, "JPEGImages/a.jpg");
    writeImage(voc, "JPEGImages/b.jpg");
    voc.write("Annotations/a.xml", "<annotation/>");
    voc.write("classes.txt", "ape");
    const Dataset files2 = read(voc.path());
    BOOST_REQUIRE(files2.images.size() == 1u);  // b.jpg was not annotated
    BOOST_TEST((files2.images[0].empty == EmptyImage::ANNOTATED));
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ layouts
BOOST_AUTO_TEST_SUITE(layouts)

const char* const XML =
    "<annotation><size><width>100</width><height>80</height></size><object><name>ape</name>"
    "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>";
const char* const BOX = "0 0.5 0.5 0.5 0.5\n";

BOOST_AUTO_TEST_CASE(f11_voc_names)
{
    const TempFolder folder;
    for (const std::string name : {"my photo (1)", "my photo 1", "site1/a", "site2/a", "plain"})
    {
        writeImage(folder, "JPEGImages/" + name + ".jpg");
        folder.write("Annotations/" + name + (name == "plain" ? ".XML" : ".xml"), XML);
    }
    const Dataset all = read(folder.path());
    BOOST_REQUIRE(all.images.size() == 5u);
    BOOST_TEST(all.warnings.empty());
    for (const ImageRecord& image : all.images)
        BOOST_TEST(fs::is_regular_file(image.path), image.path);
    const auto count = [&](const std::string& list)
    {
        folder.write("ImageSets/Main/train.txt", list);
        const Dataset dataset = read(folder.path(), "train");
        BOOST_TEST(dataset.warnings.empty(), (dataset.warnings.empty() ? "" : dataset.warnings[0]));
        return dataset.images.size();
    };
    BOOST_TEST(count("my photo (1)\nmy photo 1\nsite1/a\n") == 3u);
    BOOST_TEST(count("\"my photo (1)\"  1\n'my photo 1' -1\nplain 0\n") == 3u);
    BOOST_TEST(count("my photo 1  1\r\nplain.jpg\r\n# comment\r\nJPEGImages/site2/a.jpg\r\n") == 3u);
    folder.write("ImageSets/Main/train.txt", "plain\nnone\n");
    const Dataset dataset = read(folder.path(), "train");
    BOOST_TEST(dataset.counters.skippedImages == 1);
    BOOST_TEST(anyContains(dataset.warnings, "\"none\" has no .xml file"));
}

BOOST_AUTO_TEST_CASE(f10_voc_folders)
{
    for (const std::string annotations : {"annotations/", "Annotations/", "annotations/xmls/", "xmls/", "labels/"})
    {
        const TempFolder folder;
        writeImage(folder, "images/a.jpg");
        folder.write(annotations + "a.xml", XML);
        const Dataset dataset = read(folder.path());
        BOOST_TEST(dataset.numAnnotations() == 1, annotations);
        BOOST_TEST(fs::is_regular_file(dataset.images.at(0).path), dataset.images[0].path);
    }
    for (const std::string list : {"ImageSets/Main/val.txt", "ImageSets/valid.txt", "val.txt"})
    {
        const TempFolder folder;
        for (const char* name : {"a", "b"})
        {
            writeImage(folder, std::string("images/") + name + ".jpg");
            folder.write(std::string("annotations/") + name + ".xml", XML);
        }
        folder.write(list, "b\n");
        BOOST_TEST(read(folder.path(), "val").images.size() == 1u, list);
    }
    const TempFolder roboflow;
    for (const char* name : {"train/a", "train/b", "valid/c"})
    {
        writeImage(roboflow, std::string(name) + ".jpg");
        roboflow.write(std::string(name) + ".xml", XML);
    }
    BOOST_TEST(read(roboflow.path(), "train").images.size() == 2u);
    BOOST_TEST(read(roboflow.path(), "val").images.size() == 1u);
    requireError([&] { read(roboflow.path()); }, {"parts train, valid", "subset"});
}

BOOST_AUTO_TEST_CASE(f05_yolo_lists)
{
    for (const std::string path : {"", "path: .\n", "path: ../SELF\n", "path: SELF\n", "path: /nowhere/on/this/disk\n"})
        for (const std::string entry :
             {"./images/train/", "images/train/", "ABS/images/train/", "data/images/train/", "C:\\x\\images\\train\\"})
        {
            const TempFolder folder;
            const auto filled = [&](std::string text)
            {
                const std::string self = fs::path(folder.path()).filename().string();
                for (const auto& word : {std::make_pair("SELF", self), std::make_pair("ABS", folder.path())})
                    if (text.find(word.first) != std::string::npos)
                        text.replace(text.find(word.first), std::string(word.first).size(), word.second);
                return text;
            };
            for (const char* name : {"a", "b", "c"})
            {
                writeImage(folder, std::string("images/train/") + name + ".jpg");
                folder.write(std::string("labels/train/") + name + ".txt", BOX);
            }
            folder.write("data.yaml", filled(path) + "train: train.txt\nval: val.txt\nnc: 1\nnames: [ape]\n");
            folder.write("train.txt",
                         MARK + "# list\r\n" + filled(entry) + "a.jpg\r\n\r\n\"" + filled(entry) + "b.jpg\"\r\n");
            folder.write("val.txt", filled(entry) + "c.jpg");
            BOOST_TEST_CONTEXT(path << " " << entry)
            {
                BOOST_TEST(read(folder.path(), "train").images.size() == 2u);
                BOOST_TEST(read(folder / "data.yaml", "train").numAnnotations() == 2);
                const Dataset val = read(folder.path(), "val");
                BOOST_REQUIRE(val.images.size() == 1u);
                BOOST_TEST(fs::path(val.images[0].path).filename() == "c.jpg");
                BOOST_TEST(val.numAnnotations() == 1);
                BOOST_TEST(read(folder.path(), "trainval").images.size() == 3u);
            }
            folder.write("val.txt", filled(entry) + "c.jpg\n" + filled(entry) + "none.jpg");
            BOOST_TEST(anyContains(read(folder.path(), "val").warnings, "none.jpg\" is not there"));
        }
}

BOOST_AUTO_TEST_CASE(f05_yolo_folders_of_a_description)
{
    const TempFolder folder;
    for (const char* name : {"set/images/train/a", "set/images/val/b", "set/other/c", "elsewhere/d"})
        writeImage(folder, std::string(name) + ".jpg");
    for (const char* name : {"set/labels/train/a", "set/labels/val/b", "set/other/c", "elsewhere/d"})
        folder.write(std::string(name) + ".txt", BOX);
    const auto images = [&](const std::string& text, const std::string& split)
    {
        folder.write("set/data.yaml", "names: [ape]\n" + text);
        return read(folder / "set/data.yaml", split).images.size();
    };
    BOOST_TEST(images("train: images/train\nval: images/val", "train") == 1u);
    BOOST_TEST(images("train: ../images/train", "train") == 1u);                    // Roboflow
    BOOST_TEST(images("train: [images/train, images/val, other]", "train") == 3u);  // several folders
    BOOST_TEST(images("train: " + folder / "elsewhere", "train") == 1u);            // absolute
    BOOST_TEST(images("train: [images/train, " + folder / "elsewhere" + "]", "train") == 2u);
    BOOST_TEST(images("path: ../elsewhere\ntrain: .", "train") == 1u);
    BOOST_TEST(images("validation: images/val", "val") == 1u);
    // The folders of another machine: never more than the split.
    BOOST_TEST(images("train: /content/set/images/train", "train") == 1u);
    folder.write("set/data.yaml", "nc: 2\nval: images/val");
    BOOST_TEST(read(folder / "set/data.yaml", "val").classNames == (std::vector<std::string>{"class_0", "class_1"}),
               tt::per_element());
    folder.write("set/data.yaml", "nc: 3\nnames: [ape, zebra]\nval: images/val");
    BOOST_TEST(anyContains(read(folder / "set/data.yaml", "val").warnings, "\"nc\" is 3, but there are 2 names"));
}

BOOST_AUTO_TEST_CASE(yolo_keypoints_and_oriented_boxes)
{
    const TempFolder folder;
    writeImage(folder, "images/a.jpg");
    folder.write("classes.txt", "ape");
    const auto first = [&](const std::string& labels)
    {
        folder.write("labels/a.txt", labels);
        const Dataset dataset = read(folder.path());
        BOOST_REQUIRE(dataset.numAnnotations() > 0);
        return dataset.images[0].annotations[0];
    };
    const auto isBox = [](const Annotation& a, double x, double y, double width, double height)
    { return std::abs(a.x - x) + std::abs(a.y - y) + std::abs(a.width - width) + std::abs(a.height - height) < 1e-6; };
    // Box and points with visibility: 2 points give an even count of numbers.
    Annotation a = first("0 0.5 0.5 0.4 0.5 0.4 0.4 2 0.6 0.6 1\n0 0.3 0.3 0.2 0.2 0.3 0.3 2 0 0 0\n");
    BOOST_TEST(isBox(a, 30, 20, 40, 40));
    BOOST_TEST(!a.segmentation);
    BOOST_TEST(isBox(first("0 0.5 0.5 0.4 0.5 0.4 0.4 2"), 30, 20, 40, 40));
    // Without visibility only data.yaml can tell.
    const std::string points = "0 0.5 0.5 0.4 0.5 0.41 0.42 0.58 0.6\n";
    BOOST_TEST(first(points).segmentation.has_value());
    folder.write("data.yaml", "names: [ape]\nkpt_shape: [2, 2]\n");
    a = first(points);
    BOOST_TEST(isBox(a, 30, 20, 40, 40));
    BOOST_TEST(!a.segmentation);
    fs::remove(folder / "data.yaml");
    // A rectangle of 40 x 20 pixels turned by 30 degrees about (50, 40).
    std::string corners = "0";
    for (const auto& corner : {cv::Point2d(-20, -10), cv::Point2d(20, -10), cv::Point2d(20, 10), cv::Point2d(-20, 10)})
        corners += cv::format(" %.6f %.6f", (50 + corner.x * std::sqrt(0.75) - corner.y / 2) / 100,
                              (40 + corner.x / 2 + corner.y * std::sqrt(0.75)) / 80);
    a = first(corners + "\n");
    BOOST_TEST(!a.segmentation);
    BOOST_TEST(std::abs(a.width - (40 * std::sqrt(0.75) + 10)) < 1e-3);
    // Any other outline in the set, and they are outlines.
    BOOST_TEST(first(corners + "\n0 0.1 0.1 0.5 0.1 0.3 0.6\n").segmentation.has_value());
    // Upright rectangles are outlines: nothing is lost.
    BOOST_TEST(first("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n").segmentation.has_value());
    BOOST_TEST(first("0 0.1 0.1 1 0.1 1 0.5 1 1 0.1 1\n").segmentation.has_value());  // at the borders
}

BOOST_AUTO_TEST_CASE(w07_other_layouts)
{
    const TempFolder cvat;
    for (const char* name : {"a", "b"})
    {
        writeImage(cvat, std::string("obj_train_data/") + name + ".jpg");
        cvat.write(std::string("obj_train_data/") + name + ".txt", BOX);
    }
    cvat.write("obj.names", "ape\n");
    cvat.write("obj.data", "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n");
    cvat.write("train.txt", "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n");
    BOOST_TEST(read(cvat.path()).numAnnotations() == 2);
    BOOST_TEST(read(cvat.path(), "train").numAnnotations() == 2);
    BOOST_TEST(read(cvat / "obj.data").classNames == std::vector<std::string>{"ape"}, tt::per_element());

    for (const std::string names : {"_darknet.labels", "classes.txt", "obj.names"})
    {
        const TempFolder flat;
        writeImage(flat, "train/a.jpg");
        flat.write("train/a.txt", BOX);
        flat.write("train/" + names, "ape\n");
        BOOST_TEST(read(flat / "train").numAnnotations() == 1, names);
        BOOST_TEST(read(flat.path(), "train").numAnnotations() == 1, names);
    }

    const auto coco3 =
        [](const TempFolder& folder, const std::string& file, const std::string& images, const std::string& prefix = "")
    {
        json content = coco();
        for (json& image : content["images"])
        {
            writeImage(folder, images + "/" + image["file_name"].get<std::string>());
            image["file_name"] = prefix + image["file_name"].get<std::string>();
        }
        folder.write(file, content.dump());
    };
    const std::vector<std::vector<std::string>> places{
        {"labels.json", "data", ""},                           // FiftyOne
        {"annotations.json", "JPEGImages", "JPEGImages/"},     // labelme2coco
        {"result.json", "images", "images\\"},                 // Label Studio
        {"annotations/instances_default.json", "images", ""},  // CVAT
        {"annotations/person_keypoints_val2017.json", "val2017", ""}};
    for (const std::vector<std::string>& place : places)
    {
        const TempFolder folder;
        coco3(folder, place[0], place[1], place[2]);
        const Dataset dataset = read(folder.path());
        BOOST_TEST(dataset.numAnnotations() == 4, place[0]);
        BOOST_TEST(fs::is_regular_file(dataset.images[0].path), dataset.images[0].path);
        BOOST_TEST(read(folder / place[0]).numAnnotations() == 4, place[0]);
    }
    const TempFolder splits;
    coco3(splits, "train/labels.json", "train/data");
    coco3(splits, "val.json", "val");
    BOOST_TEST(read(splits.path(), "train").images.at(0).path == splits / "train/data/p1.jpg");
    BOOST_TEST(read(splits.path(), "val").images.at(0).path == splits / "val/p1.jpg");
}

BOOST_AUTO_TEST_CASE(f10_names_in_capitals_and_other_names)
{
    const TempFolder folder;
    writeImage(folder, "set/images/a.JPG");
    writeImage(folder, "set/images/b.jpg");
    folder.write("set/labels/a.TXT", BOX);
    folder.write("set/labels/b.txt", BOX);
    folder.write("set/animals.yaml", "names: [ape]");
    BOOST_TEST(read(folder / "set").numAnnotations() == 2);
    BOOST_TEST(read(folder.path()).numAnnotations() == 2);  // the folder of an archive
    fs::remove(folder / "set/animals.yaml");
    folder.write("set/animals.names", "ape");
    BOOST_TEST(read(folder / "set").numAnnotations() == 2);
    const TempFolder voc;
    for (const char* name : {"a", "b"})
    {
        writeImage(voc, std::string("images/") + name + ".jpg");
        voc.write(std::string("annotations/") + name + ".xml",
                  "<annotation><object><name>ape</name><bndbox><xmin>0.2</xmin><ymin>0.1</ymin><xmax>0.9</xmax>"
                  "<ymax>0.95</ymax></bndbox></object></annotation>");
    }
    ReadOptions options;
    BOOST_TEST(codes(lint(readRaw(voc.path(), "", options), {}), "fractions-as-pixels") == 1);
}

BOOST_AUTO_TEST_CASE(labelme)
{
    const TempFolder folder;
    writeImage(folder, "a.jpg");
    writeImage(folder, "sub/b.jpg");
    writeImage(folder, "not_annotated.jpg");
    const auto shape = [](const char* label, const char* type, const json& points, const json& group = nullptr)
    {
        return json{
            {"label", label}, {"shape_type", type}, {"points", points}, {"group_id", group}, {"flags", json::object()}};
    };
    json file = {{"version", "5.0.1"}, {"imagePath", "a.jpg"}, {"imageData", std::string(1 << 20, 'A')},
                 {"imageHeight", 80},  {"imageWidth", 100},    {"flags", json::object()}};
    file["shapes"] = {shape("zebra", "polygon", {{10, 10}, {40, 10}, {40, 50}, {10, 50}}),
                      shape("ape", "rectangle", {{60, 50}, {50, 20}}),
                      shape("ape", "circle", {{30, 40}, {30, 50}}),
                      shape("ape", "point", {{5, 5}}),
                      shape("ape", "polygon", {{0, 0}, {10, 0}, {10, 10}}, 1),
                      shape("ape", "polygon", {{80, 60}, {90, 60}, {90, 70}}, 1)};
    folder.write("a.json", file.dump());
    file["imagePath"] = "..\\somewhere\\b.jpg";
    file["imageData"] = nullptr;
    file["shapes"] = json::array();
    folder.write("sub/b.json", file.dump());
    const Dataset dataset = read(folder.path());
    BOOST_TEST(dataset.classNames == (std::vector<std::string>{"ape", "zebra"}), tt::per_element());
    BOOST_REQUIRE(dataset.images.size() == 2u);
    BOOST_TEST(dataset.images[1].path == folder / "sub/b.jpg");
    BOOST_TEST((dataset.images[1].empty == EmptyImage::ANNOTATED));
    const std::vector<Annotation>& a = dataset.images[0].annotations;
    BOOST_REQUIRE(a.size() == 4u);
    BOOST_TEST(a[0].category == 1);
    BOOST_TEST(a[0].segmentation.has_value());
    BOOST_TEST((a[0].x == 10 && a[0].y == 10 && a[0].width == 30 && a[0].height == 40));
    BOOST_TEST((a[1].x == 50 && a[1].y == 20 && a[1].width == 10 && a[1].height == 30));
    BOOST_TEST(!a[1].segmentation);
    BOOST_TEST((std::abs(a[2].width - 20) < 0.1 && std::abs(a[2].y - 30) < 0.1));
    BOOST_TEST((a[3].width == 90 && a[3].height == 70));  // two parts of one object
    BOOST_TEST(a[3].segmentation->polygons.size() == 2u);
    BOOST_TEST(anyContains(dataset.warnings, "1 shapes of the type \"point\""));

    cv::RNG random(3);
    file["shapes"] = json::array({shape("zebra", "polygon", {{10, 10}, {40, 10}, {40, 50}, {10, 50}})});
    const std::string good = file.dump(), alphabet = "\"{}[]:,0123456789.-ntf\\ ";
    for (int i = 0; i < 500; i++)
    {
        std::string text = good;
        for (int k = random.uniform(1, 4); k > 0; k--)
            text[static_cast<size_t>(random.uniform(0, static_cast<int>(text.size())))] =
                alphabet[static_cast<size_t>(random.uniform(0, static_cast<int>(alphabet.size())))];
        folder.write("sub/b.json", text);
        BOOST_TEST(read(folder.path()).images.size() >= 1u);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ results
BOOST_AUTO_TEST_SUITE(result_files)

BOOST_AUTO_TEST_CASE(f08_masks_that_are_none)
{
    const Files files;
    const Dataset dataset = files.read(coco());
    const double plain = averagePrecision(dataset, files.readResults(results()))[0];
    for (const json& none : {json(nullptr), json::array(), json::object(), json::array({json::array()})})
    {
        json found = results();
        for (json& r : found)
            r["segmentation"] = none;
        const std::vector<double> ap = averagePrecision(dataset, files.readResults(found));
        BOOST_TEST(ap[0] == plain);
        BOOST_TEST(ap[1] == -1);
    }
}

BOOST_AUTO_TEST_CASE(w05_bad_results_are_left_out)
{
    const Files files;
    const Dataset dataset = files.read(coco());
    const double plain = averagePrecision(dataset, files.readResults(results()))[0];
    const json good = results()[0];
    const std::vector<std::pair<std::string, json>> faults{{"score", nullptr},
                                                           {"score", "high"},
                                                           {"bbox", {1, 2, -0.01, 5}},
                                                           {"bbox", {1, 2, 3}},
                                                           {"bbox", nullptr},
                                                           {"bbox", "x"},
                                                           {"bbox", {1, json::array({2}), 3, 4}},
                                                           {"image_id", {{"x", 1}}},
                                                           {"category_id", 1.5},
                                                           {"image_id", true},
                                                           {"segmentation", {{"size", {80, 100}}, {"counts", {7}}}}};
    for (const auto& fault : faults)
        for (const bool first : {false, true})
        {
            json found = results(), bad = good;
            bad[fault.first] = fault.second;
            found.insert(first ? found.begin() : found.end(), bad);
            std::vector<std::string> notes;
            const std::vector<CocoResult> read = files.readResults(found, &notes);
            BOOST_TEST(read.size() == 3u, bad.dump());
            BOOST_TEST(averagePrecision(dataset, read)[0] == plain);
            BOOST_REQUIRE(notes.size() == 1u);
            checkContains(notes[0], "1 result left out: result " + std::to_string(first ? 0 : 3));
            requireError([&] { files.readResults(json::array({bad, bad})); }, {"none of its 2 results"});
        }
    std::string text = results().dump();
    text.insert(1, R"({"image_id": 1, "category_id": 1, "bbox": [NaN, 1, 2, 3], "score": 0.5},
        {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 3], "score": Infinity}, 7, null, [1, {"score": 2}],)");
    std::vector<std::string> notes;
    BOOST_TEST(readCocoResults(files.folder.write("r.json", text), &notes).size() == 3u);
    checkContains(notes.at(0), "5 results left out");
}

BOOST_AUTO_TEST_CASE(w05_objects_with_names)
{
    const Files files;
    const Dataset dataset = files.read(coco());
    const double plain = averagePrecision(dataset, files.readResults(results()))[0];
    for (const char* const key : {"annotations", "predictions", "results"})
        for (const bool before : {false, true})
        {
            // Numbered in its own way.
            std::string names = R"("images": [{"id": 8, "file_name": "p2.jpg"}, {"id": 9, "file_name": "x/p1.jpg"}],
                "categories": [{"id": 0, "name": "ape"}, {"id": 1, "name": "zebra"}], "info": {"annotations": 5})";
            json found = results();
            for (json& r : found)
            {
                r["image_id"] = r["image_id"] == 1 ? 9 : 8;
                r["category_id"] = r["category_id"].get<int>() - 1;
                r["id"] = 1;
            }
            const std::string list = std::string("\"") + key + "\": " + found.dump();
            const std::string path =
                files.folder.write("o.json", "{" + (before ? names + ", " + list : list + ", " + names) + "}");
            BOOST_TEST(averagePrecision(dataset, readCocoResults(path))[0] == plain);
        }
    requireError([&] { readCocoResults(files.folder.write("a.json", coco().dump())); },
                 {"\"score\" is missing", "annotations"});
}

BOOST_AUTO_TEST_CASE(f03_matched_by_names)
{
    const Files files;
    const Dataset dataset = files.read(coco());
    const double plain = averagePrecision(dataset, files.readResults(results()))[0];
    const auto named = [&](const std::string& prefix, const std::string& suffix)
    {
        json found = results();
        for (size_t i = 0; i < found.size(); i++)
        {
            json& r = found[i];
            r["file_name"] = prefix + "p" + std::to_string(r["image_id"].get<int>()) + suffix;
            r["image_id"] = r["image_id"] == 1 ? 2 : 1;  // counters of another order
            r["category_name"] = r["category_id"] == 1 ? "ape" : "zebra";
            r["category_id"] = r["category_id"].get<int>() - 1;
        }
        return found;
    };
    for (const auto& form : std::vector<std::pair<std::string, std::string>>{{"", ".jpg"},
                                                                             {"images/", ".jpg"},
                                                                             {"/tmp/else/where/", ".jpg"},
                                                                             {"C:\\images\\", ".jpg"},
                                                                             {"", ".png"},
                                                                             {"", ""}})
    {
        std::vector<std::string> notes;
        BOOST_TEST(averagePrecision(dataset, files.readResults(named(form.first, form.second)), &notes)[0] == plain,
                   form.first << form.second);
        BOOST_TEST(anyContains(notes, "matched by file name"));
    }
    json found = results();  // Ultralytics
    for (json& r : found)
        r["image_id"] = "p" + std::to_string(r["image_id"].get<int>());
    BOOST_TEST(averagePrecision(dataset, files.readResults(found))[0] == plain);
    found = named("", ".jpg");
    for (json& r : found)
        r["file_name"] = "other_" + r["file_name"].get<std::string>();
    requireError([&] { averagePrecision(dataset, files.readResults(found)); },
                 {"none of its images (\"other_p1.jpg\"", "image_id"});
    found = named("", ".jpg");
    for (json& r : found)
        r["category_name"] = "monkey";
    requireError([&] { averagePrecision(dataset, files.readResults(found)); }, {"none of its classes (\"monkey\""});
    // One unknown name of several is for no image, whatever its id.
    found = named("", ".jpg");
    found.push_back(found[0]);
    found.back()["file_name"] = "other.jpg";
    std::vector<std::string> notes;
    BOOST_TEST(averagePrecision(dataset, files.readResults(found), &notes)[0] == plain);
    BOOST_TEST(anyContains(notes, "1 result left out"));
}

//! The same file name in two folders: the folder decides; without it, the id.
BOOST_AUTO_TEST_CASE(f03_equal_names_in_folders)
{
    Dataset dataset;
    dataset.classNames = {"ape"};
    dataset.categoryIds = {1};
    for (const char* const path : {"set/a/1.jpg", "set/b/1.jpg"})
    {
        ImageRecord image;
        image.id = static_cast<int64_t>(dataset.images.size()) + 10;
        image.path = path;
        image.width = image.height = 50;
        dataset.images.push_back(image);
    }
    CocoResult result;
    result.categoryId = 1;
    const auto matched = [&](const std::string& name, int64_t id)
    {
        result.fileName = name;
        result.imageId = id;
        return ResultMatcher(dataset, "x", {result}).imageOf(result);
    };
    BOOST_TEST((matched("b/1.jpg", 10) == size_t(1)));
    BOOST_TEST((matched("/other/a/1.jpg", 11) == size_t(0)));
    BOOST_TEST((matched("1.jpg", 11) == size_t(1)));
    BOOST_TEST((matched("set/b/1.jpg", 10) == size_t(1)));
    requireError([&] { matched("1.jpg", 5); }, {"none of its images"});  // it could be both
}

//! Ids of folders are numbers of our readers; Ultralytics writes numbers of file names.
BOOST_AUTO_TEST_CASE(f03_numbers_of_file_names)
{
    Dataset dataset;
    dataset.classNames = {"ape"};
    dataset.categoryIds = {0};
    dataset.idsAreMade = true;
    for (const char* const path : {"images/000003.jpg", "images/000007.jpg"})
    {
        ImageRecord image;
        image.id = static_cast<int64_t>(dataset.images.size()) + 1;
        image.path = path;
        dataset.images.push_back(image);
    }
    CocoResult result;
    const auto matched = [&](int64_t id, const std::string& text = "")
    {
        result.imageId = id;
        result.imageIdText = text;
        return ResultMatcher(dataset, "x", {result}).imageOf(result);
    };
    BOOST_TEST((matched(7) == size_t(1)));
    BOOST_TEST((matched(2) == size_t(1)));  // no file has this number
    BOOST_TEST((matched(3, "000003") == size_t(0)));
    BOOST_TEST(!matched(5).has_value());
    dataset.idsAreMade = false;
    BOOST_TEST((matched(2) == size_t(1)));
    BOOST_TEST(!matched(7).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
