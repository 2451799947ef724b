// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Data sets in folders: Pascal VOC, YOLO, CVAT, how a format is recognized, conversions. Needs no LibTorch. COCO files
   have their tests in test_data.cpp. */

#define BOOST_TEST_MODULE readers
#include <boost/test/unit_test.hpp>

#include "dataset/annotated_image.hpp"
#include "dataset/dataset_finder.hpp"
#include "dataset/dataset_writer.hpp"
#include "base/atomic_file.hpp"
#include "base/files.hpp"
#include "dataset/image_size.hpp"
#include "dataset/lint.hpp"
#include "base/random.hpp"
#include "dataset/segmentation.hpp"
#include "dataset/statistics.hpp"
#include "exif_jpeg.hpp"
#include "shared_data.hpp"
#include "errors.hpp"
#include "temp_folder.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;
using nlohmann::json;
using namespace d2det;
using d2det::test::requireError;
using d2det::test::TempFolder;

namespace
{

void writeImage(const TempFolder& folder, const std::string& name, int width, int height)
{
    fs::create_directories(fs::path(folder / name).parent_path());
    BOOST_REQUIRE(cv::imwrite(folder / name, cv::Mat(height, width, CV_8UC3, cv::Scalar(40, 90, 160))));
}

std::string vocObject(const std::string& name, const std::string& box, const std::string& more = "")
{
    const std::vector<std::string> values = splitWords(box);
    std::string text = "<object><name>" + name + "</name>" + more + "<bndbox>";
    const char* const corners[4] = {"xmin", "ymin", "xmax", "ymax"};
    for (size_t i = 0; i < values.size(); i++)
        text += std::string("<") + corners[i] + ">" + values[i] + "</" + corners[i] + ">";
    return text + "</bndbox></object>";
}

std::string vocText(const std::string& objects, const std::string& size = "<width>50</width><height>40</height>",
                    const std::string& fileName = "a.png")
{
    return "<annotation><filename>" + fileName + "</filename><size>" + size + "</size>" + objects + "</annotation>";
}

//! Two images, two classes, three objects.
void writeVoc(const TempFolder& folder)
{
    writeImage(folder, "JPEGImages/a.png", 50, 40);
    writeImage(folder, "JPEGImages/b.png", 60, 30);
    folder.write("Annotations/a.xml", vocText(vocObject("zebra", "1 1 50 40") + vocObject("ape", "11 6 20.5 15",
                                                                                          "<difficult>1</difficult>"
                                                                                          "<truncated>1</truncated>")));
    folder.write("Annotations/b.xml", vocText(vocObject("ape", "2 3 2 3"), "<width>60</width><height>30</height>"));
}

void writeYolo(const TempFolder& folder)
{
    writeImage(folder, "images/a.png", 100, 80);
    writeImage(folder, "images/sub/b.png", 200, 50);
    writeImage(folder, "images/c.png", 30, 30);
    folder.write("labels/a.txt", "1 0.5 0.5 0.2 0.1\n\n0 0.1 0.25 0.3 0.25 0.2 0.75\r\n");
    folder.write("labels/sub/b.txt", "0 0.25 0.5 0.5 1");
    folder.write("data.yaml", "train: ../train/images  # of another machine\nnc: 2\nnames: ['ape', \"zebra\"]\n");
}

//! A COCO set of all kinds of annotations with its images in images/; ids with gaps.
json writeCoco(const TempFolder& folder)
{
    writeImage(folder, "images/a.png", 50, 40);
    writeImage(folder, "images/sub/b.png", 64, 32);
    const json content = {
        {"images",
         {{{"id", 7}, {"file_name", "a.png"}, {"width", 50}, {"height", 40}},
          {{"id", 3}, {"file_name", "sub/b.png"}, {"width", 64}, {"height", 32}}}},
        {"categories", {{{"id", 5}, {"name", "zebra"}}, {{"id", 9}, {"name", "ape & <co>"}}}},
        {"annotations",
         {{{"id", 11}, {"image_id", 7}, {"category_id", 9}, {"bbox", {2.25, 3.5, 10.5, 20.25}}, {"area", 100.5}},
          {{"id", 12}, {"image_id", 7}, {"category_id", 5}, {"bbox", {0, 0, 50, 40}}, {"iscrowd", 1}},
          {{"id", 13},
           {"image_id", 3},
           {"category_id", 5},
           {"bbox", {10, 5, 20, 10}},
           {"area", 100},
           {"segmentation", {{10, 5, 30, 5, 20, 15}}}}}}};
    folder.write("instances.json", content.dump());
    return content;
}

Dataset read(const std::string& annotations, const std::string& images = "", const std::string& subset = "")
{
    ReadOptions options;
    options.keepSegmentation = true;
    options.subset = subset;
    return readDataset(annotations, images, options);
}

void requireBox(const Annotation& a, double x, double y, double width, double height, double tolerance = 1e-9)
{
    BOOST_TEST_CONTEXT("box " << a.x << " " << a.y << " " << a.width << " " << a.height)
    BOOST_TEST((std::abs(a.x - x) <= tolerance && std::abs(a.y - y) <= tolerance &&
                std::abs(a.width - width) <= tolerance && std::abs(a.height - height) <= tolerance));
}

bool mentions(const std::vector<std::string>& lines, const std::string& text)
{
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

double seconds(const std::function<void()>& function)
{
    const auto start = std::chrono::steady_clock::now();
    function();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

//! Any change of a few bytes gives a data set or a std::runtime_error.
void fuzz(const TempFolder& folder, const std::string& name, const std::string& alphabet, int rounds)
{
    const std::string good = d2det::test::textOf(folder / name);
    Random random(11);
    int worked = 0;
    for (int i = 0; i < rounds; i++)
    {
        std::string text = good;
        for (uint64_t changes = 1 + random.below(3); changes > 0; changes--)
            text[random.below(text.size())] = alphabet[random.below(alphabet.size())];
        if (random.below(4) == 0)
            text.resize(random.below(text.size()));
        folder.write(name, text);
        try
        {
            const Dataset dataset = read(folder.path());
            for (const ImageRecord& image : dataset.images)
                for (const Annotation& a : image.annotations)
                    BOOST_TEST((a.width > 0 && a.height > 0 && a.x >= 0 && a.x + a.width <= image.width));
            worked += dataset.counters.skippedImages == 0;
        }
        catch (const std::runtime_error& error)
        {
            BOOST_TEST(std::string(error.what()).size() > 10u);
        }
    }
    BOOST_TEST(worked > 0);
    BOOST_TEST(worked < rounds);
}

}  // namespace

// ------------------------------------------------------------------ Pascal VOC
BOOST_AUTO_TEST_SUITE(voc)

BOOST_AUTO_TEST_CASE(reads_what_the_files_say)
{
    const TempFolder folder;
    writeVoc(folder);
    const Dataset dataset = read(folder.path());
    BOOST_TEST(dataset.classNames == (std::vector<std::string>{"ape", "zebra"}));
    BOOST_REQUIRE(dataset.images.size() == 2u);
    BOOST_TEST(dataset.images[0].path == folder / "JPEGImages/a.png");
    BOOST_TEST(dataset.images[0].width == 50);
    BOOST_TEST(dataset.images[1].height == 30);
    BOOST_REQUIRE(dataset.images[0].annotations.size() == 2u);
    const Annotation &whole = dataset.images[0].annotations[0], &difficult = dataset.images[0].annotations[1];
    requireBox(whole, 0, 0, 50, 40);  // pixels 1 to 50 are the whole image
    BOOST_TEST(whole.category == 1);
    BOOST_TEST(!whole.crowd);
    BOOST_TEST(whole.area == 2000.);
    requireBox(difficult, 10, 5, 10.5, 10);
    BOOST_TEST(difficult.crowd);
    requireBox(dataset.images[1].annotations.at(0), 1, 2, 1, 1);  // one pixel
    BOOST_TEST(dataset.counters.annotations == 3);
    BOOST_TEST(dataset.counters.crowd == 1);
    BOOST_TEST(dataset.counters.skippedImages == 0);
    BOOST_TEST(dataset.warnings.empty());
}

BOOST_AUTO_TEST_CASE(layouts)
{
    const TempFolder folder;
    writeVoc(folder);
    BOOST_TEST(read(folder / "Annotations").numAnnotations() == 3);
    BOOST_TEST(read(folder / "Annotations", folder / "JPEGImages").numAnnotations() == 3);
    fs::rename(folder / "JPEGImages", folder / "images");
    BOOST_TEST(read(folder.path() + "/").images.at(0).path == folder / "images/a.png");
    const TempFolder flat;  // all in one folder, <filename> of another machine
    writeImage(flat, "x.png", 50, 40);
    flat.write("x.xml", vocText(vocObject("ape", "1 1 5 5"), "", "C:\\images\\other.png"));
    const Dataset dataset = read(flat.path());
    BOOST_TEST(dataset.images.at(0).path == flat / "x.png");
    BOOST_TEST(dataset.images.at(0).width == 50);  // no <size>: from the image
    const TempFolder other;                        // named by <filename> only, below a folder
    writeImage(other, "images/sub/y.png", 50, 40);
    other.write("Annotations/z.xml", vocText(vocObject("ape", "1 1 5 5"), "", "sub/y.png"));
    BOOST_TEST(read(other.path()).images.at(0).path == other / "images/sub/y.png");
}

BOOST_AUTO_TEST_CASE(lists_and_classes)
{
    const TempFolder folder;
    writeVoc(folder);
    const std::string list = folder.write("ImageSets/Main/train.txt", "b\n\n");
    folder.write("ImageSets/Main/val.txt", "a 1\r\nmissing -1\r\n");  // a list of one class has flags
    const Dataset train = read(folder.path(), "", "train");
    BOOST_TEST(train.images.size() == 1u);
    BOOST_TEST(train.classNames.size() == 2u);  // the same for every part
    BOOST_TEST(read(list).images.at(0).path == train.images.at(0).path);
    const Dataset val = read(folder.path(), "", "val");
    BOOST_TEST(val.images.size() == 1u);
    BOOST_TEST(val.counters.skippedImages == 1);
    BOOST_TEST(val.warnings.at(0).find("\"missing\" has no .xml file") != std::string::npos);
    requireError([&] { read(folder.path(), "", "test"); }, {"subset is \"test\"", "test.txt"});
    requireError([&] { read(folder.path(), "", "every4th"); }, {"subset is \"every4th\"", "\"trainval\""});
    requireError([&] { read(list, "", "val"); }, {"part of a folder"});

    folder.write("classes.txt", "zebra\nape\nlion\n");
    BOOST_TEST(read(folder.path()).classNames == (std::vector<std::string>{"zebra", "ape", "lion"}));
    BOOST_TEST(read(folder.path()).images[0].annotations[0].category == 0);
    folder.write("classes.txt", "ape\n");
    requireError([&] { read(folder.path()); }, {"a.xml", "the class \"zebra\" is not one of the 1 known"});
    folder.write("classes.txt", "\n");
    requireError([&] { read(folder.path()); }, {"classes.txt", "no class name"});
}

BOOST_AUTO_TEST_CASE(bad_boxes_are_counted)
{
    const TempFolder folder;
    writeVoc(folder);
    const auto dropped = [&](const std::string& object)
    {
        folder.write("Annotations/b.xml", vocText(object));
        const Dataset dataset = read(folder.path());
        BOOST_TEST(dataset.counters.dropped == 1, object);
        BOOST_TEST(dataset.numAnnotations() == 2);
        BOOST_REQUIRE(!dataset.warnings.empty());
        BOOST_TEST(dataset.warnings[0].find("b.xml: annotation id 3 (image id 2)") != std::string::npos,
                   dataset.warnings[0]);
    };
    for (const char* box :
         {"10 10 9 12", "10 10 12 5", "nan 1 5 5", "1 1 inf 5", "1 1 5", "", "100 100 110 110", "-20 1 -10 5"})
        dropped(vocObject("ape", box));
    folder.write("Annotations/b.xml", vocText(vocObject("ape", "40 30 70 80")));
    const Dataset clipped = read(folder.path());
    BOOST_TEST(clipped.counters.clipped == 1);
    requireBox(clipped.images[1].annotations.at(0), 39, 29, 11, 11);
}

BOOST_AUTO_TEST_CASE(bad_files_are_named)
{
    const TempFolder folder;
    writeVoc(folder);
    std::string bomb = "<!DOCTYPE annotation [<!ENTITY a \"aaaaaaaaaa\">";
    for (char c = 'b'; c <= 'z'; c++)
        bomb += std::string("<!ENTITY ") + c + " \"&" + char(c - 1) + ";&" + char(c - 1) + ";&" + char(c - 1) + ";\">";
    bomb += "]>" + vocText(vocObject("&z;", "1 1 5 5"));
    std::string deep;
    for (int i = 0; i < 200000; i++)
        deep += "<a>";
    for (int i = 0; i < 200000; i++)
        deep += "</a>";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "not valid XML"},
        {"no xml", "not valid XML"},
        {"<annotation><object>", "not valid XML at byte"},
        {"<html></html>", "no <annotation>"},
        {std::string(100, '\0'), "zero bytes"},
        {bomb, "DOCTYPE"},
        {"<annotation>" + deep + "</annotation>", "nested deeper than 64"},
        {"<annotation>" + std::string(5 << 20, ' ') + "</annotation>", "longer than"},
        {vocText(vocObject("ape", "1 one 5 5")), "<ymin> is \"one\", expected a number"},
        {vocText(vocObject("", "1 1 5 5")), "without a <name>"},
        {vocText("", "<width>-3</width><height>4</height>"), "<size> is not between"},
        {vocText("", "<width>1e9</width><height>4</height>"), "<size> is not between"},
        {vocText("", "", "none.png"), ""}};
    for (const auto& c : cases)
    {
        folder.write("Annotations/a.xml", c.first);
        const double time = seconds(
            [&]
            {
                const Dataset dataset = read(folder.path());
                BOOST_TEST(dataset.images.size() == (c.second.empty() ? 2u : 1u));
                BOOST_TEST(dataset.counters.skippedImages == (c.second.empty() ? 0 : 1));
                if (!c.second.empty())
                    BOOST_TEST(dataset.warnings.at(0).find(c.second) != std::string::npos, dataset.warnings[0]);
            });
        BOOST_TEST(time < 5);
    }
    fs::remove(folder / "JPEGImages/b.png");
    folder.write("Annotations/b.xml", vocText(vocObject("ape", "1 1 5 5"), "", "b.png"));
    BOOST_TEST(read(folder.path()).warnings.at(0).find("cannot be read") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(too_many_bad_files_are_an_error)
{
    const TempFolder folder;
    writeVoc(folder);
    for (int i = 0; i < 9; i++)
        folder.write("Annotations/bad" + std::to_string(i) + ".xml", "<");
    BOOST_TEST(read(folder.path()).counters.skippedImages == 9);
    folder.write("Annotations/bad9.xml", "<");
    requireError([&] { read(folder.path()); }, {"10 of 12 images cannot be used", "bad0.xml"});
    const TempFolder other;
    other.write("a.xml", "<");
    requireError([&] { read(other.path()); }, {"1 of 1 images cannot be used"});
    other.write("a.xml", vocText(""));
    requireError([&] { read(other.path()); }, {"none of the files has an object"});
    other.write("a.xml", vocText(vocObject("ape", "1 1 5 5")));
    requireError([&] { read(other.path()); }, {"none of the first 1 images", "a.png"});
    requireError([&] { read(folder.path(), folder / "nowhere"); }, {"nowhere", "does not exist"});
}

BOOST_AUTO_TEST_CASE(any_bytes_work_or_throw)
{
    const TempFolder folder;
    writeVoc(folder);
    fuzz(folder, "Annotations/a.xml", "<>/&;\"'=!?-[]01289.eaxmin \n\x01\x80\xff", 1500);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ CVAT
BOOST_AUTO_TEST_SUITE(cvat)

namespace
{

const char* const CVAT_LABELS =
    "<meta><task><labels><label><name>zebra</name></label><label><name>ape</name><attributes/></label>"
    "<label><name>knee</name><type>points</type><parent>ape</parent></label></labels></task></meta>";

std::string cvatText(const std::string& images, const std::string& meta = CVAT_LABELS)
{
    return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations><version>1.1</version>" + meta + images +
           "</annotations>";
}

std::string cvatImage(const std::string& name, const std::string& shapes, const std::string& more = "")
{
    return "<image id=\"0\" name=\"" + name + "\" width=\"50\" height=\"40\" " + more + ">" + shapes + "</image>";
}

const char* const CVAT_BOX = R"(<box label="ape" occluded="0" xtl="2.25" ytl="3.5" xbr="12.75" ybr="23.75"/>)";

//! All kinds of shapes; two images, two classes.
void writeCvat(const TempFolder& folder)
{
    writeImage(folder, "images/a.png", 50, 40);
    writeImage(folder, "images/sub/b.png", 50, 40);
    folder.write(
        "annotations.xml",
        cvatText(cvatImage("a.png", std::string(CVAT_BOX) +
                                        R"(<box label="zebra" xtl="10" ytl="15" xbr="30" ybr="25" rotation="90.0"/>
<polygon label="zebra" points="10.00,5.00;30.00,5.00;20.00,15.00"><attribute name="score">0.75</attribute></polygon>
<polygon label="ape" points="0,0;10,0;10,10" group_id="3"/><polygon label="ape" points="20,20;30,20;30,30" group_id="3"/>
<mask label="ape" rle="1, 2, 1, 4" left="5" top="6" width="4" height="2"><attribute name="is_crowd">true</attribute></mask>
<ellipse label="zebra" cx="25" cy="20" rx="10" ry="5"/><points label="ape" points="1,1"/><tag label="ape"/>)") +
                 cvatImage("sub/b.png", "")));
}

}  // namespace

BOOST_AUTO_TEST_CASE(reads_what_the_files_say)
{
    const TempFolder folder;
    writeCvat(folder);
    const Dataset dataset = read(folder.path());
    BOOST_TEST(dataset.classNames == (std::vector<std::string>{"zebra", "ape"}));  // in the order of the file
    BOOST_REQUIRE(dataset.images.size() == 2u);
    BOOST_TEST(dataset.images[0].path == folder / "images/a.png");
    BOOST_TEST(dataset.images[1].path == folder / "images/sub/b.png");
    BOOST_TEST((dataset.images[1].empty == EmptyImage::ANNOTATED));
    const std::vector<Annotation>& a = dataset.images[0].annotations;
    BOOST_REQUIRE(a.size() == 6u);
    requireBox(a[0], 2.25, 3.5, 10.5, 20.25);
    BOOST_TEST((a[0].category == 1 && !a[0].crowd && std::isnan(a[0].score) && !a[0].segmentation));
    requireBox(a[1], 15, 10, 10, 20);  // turned by 90 degrees about its center
    requireBox(a[2], 10, 5, 20, 10);
    BOOST_TEST(a[2].score == 0.75);
    BOOST_TEST(a[2].segmentation.value().polygons == (std::vector<std::vector<double>>{{10, 5, 30, 5, 20, 15}}));
    requireBox(a[3], 0, 0, 30, 30);  // two parts of one object
    BOOST_TEST(a[3].segmentation.value().polygons.size() == 2u);
    requireBox(a[4], 5, 6, 4, 2);
    BOOST_TEST(a[4].crowd);
    cv::Mat expected = cv::Mat::zeros(40, 50, CV_8U);  // row by row: .##. ####
    expected(cv::Rect(6, 6, 2, 1)) = 1;
    expected(cv::Rect(5, 7, 4, 1)) = 1;
    BOOST_TEST(cv::countNonZero(toMask(a[4].segmentation.value(), 40, 50) != expected) == 0);
    requireBox(a[5], 15, 15, 20, 10, 0.1);
    BOOST_TEST(mentions(dataset.warnings, "1 shapes of the kind \"points\""));
    BOOST_TEST(dataset.counters.skippedImages == 0);
    BOOST_TEST(lint(readRaw(folder.path(), "", {})).errors == 0);
}

BOOST_AUTO_TEST_CASE(layouts)
{
    const TempFolder folder;
    writeCvat(folder);
    BOOST_TEST(read(folder / "annotations.xml").numAnnotations() == 6);
    BOOST_TEST(read(folder / "annotations.xml", folder / "images").numAnnotations() == 6);
    const std::string text = d2det::test::textOf(folder / "annotations.xml");
    fs::remove(folder / "annotations.xml");
    folder.write("annotations/job_7.xml", text);
    BOOST_TEST(read(folder.path()).images.at(1).path == folder / "images/sub/b.png");
    BOOST_TEST(read(folder / "annotations").images.size() == 2u);
    folder.write("annotations/job_8.xml", text);
    requireError([&] { read(folder.path()); }, {"several data sets", "CVAT", "job_7.xml", "job_8.xml"});

    const TempFolder flat;  // no sizes, no labels in <meta>, images beside the file
    writeImage(flat, "x.png", 50, 40);
    flat.write("out.xml", cvatText("<image name=\"x.png\">" + std::string(CVAT_BOX) + "</image>", ""));
    const Dataset dataset = read(flat.path());
    BOOST_TEST(dataset.images.at(0).width == 50);
    BOOST_TEST(dataset.classNames == std::vector<std::string>{"ape"});
    flat.write("x.xml", vocText(vocObject("ape", "1 1 5 5"), "", "x.png"));
    requireError([&] { read(flat.path()); }, {"several data sets", "CVAT", "Pascal VOC"});
}

BOOST_AUTO_TEST_CASE(parts)
{
    const TempFolder folder;
    writeImage(folder, "images/a.png", 50, 40);
    writeImage(folder, "images/Validation/b.png", 50, 40);
    folder.write("annotations.xml", cvatText(cvatImage("a.png", CVAT_BOX, "subset=\"Train\"") +
                                             cvatImage("b.png", CVAT_BOX, "subset=\"Validation\"")));
    const Dataset both = read(folder.path());
    BOOST_TEST(both.images.size() == 2u);
    BOOST_TEST(mentions(both.warnings, "\"Train\" (1 image), \"Validation\" (1 image)"));
    const Dataset val = read(folder.path(), "", "val");
    BOOST_REQUIRE(val.images.size() == 1u);
    BOOST_TEST(val.images[0].path == folder / "images/Validation/b.png");  // a folder of the subset
    BOOST_TEST(read(folder.path(), "", "train").images.at(0).path == folder / "images/a.png");
    BOOST_TEST(read(folder / "annotations.xml", "", "trainval").images.size() == 2u);
    requireError([&] { read(folder.path(), "", "test"); }, {"subset is \"test\"", "\"Train\" (1 image)"});
}

BOOST_AUTO_TEST_CASE(bad_files_are_named)
{
    const TempFolder folder;
    writeImage(folder, "images/a.png", 50, 40);
    std::string deep;
    for (int i = 0; i < 100000; i++)
        deep += "<a>";
    const std::vector<std::pair<std::string, std::string>> files{
        {"<annotations><image", "not valid XML at byte"},
        {"<x><annotations/></x>", "no <annotations>"},
        {"<!DOCTYPE a [<!ENTITY b \"c\">]><annotations/>", "DOCTYPE"},
        {"<annotations>" + deep, "not valid XML"},
        {cvatText("<track id=\"0\" label=\"ape\"/>"), "CVAT for images 1.1"},
        {cvatText(""), "there is nothing to read"},
        {cvatText(cvatImage("a.png", ""), ""), "classes are not known"},
        {cvatText(cvatImage("a.png", R"(<box label="lion" xtl="1" ytl="1" xbr="5" ybr="5"/>)")),
         "the class \"lion\" is not one of the 2 known"}};
    for (const auto& file : files)
        BOOST_TEST_CONTEXT(file.second)
        {
            folder.write("annotations.xml", file.first);
            requireError([&] { read(folder.path()); }, {"annotations.xml", file.second});
        }
    const std::vector<std::pair<std::string, std::string>> shapes{
        {R"(<box label="ape" xtl="one" ytl="1" xbr="5" ybr="5"/>)", "a <box> with xtl=\"one\", expected a number"},
        {R"(<box label="ape" ytl="1" xbr="5" ybr="5"/>)", "xtl=\"\""},
        {R"(<box label="ape" xtl="nan" ytl="1" xbr="5" ybr="5"/>)", "xtl=\"nan\""},
        {R"(<box xtl="1" ytl="1" xbr="5" ybr="5"/>)", "a <box> without a label"},
        {R"(<polygon label="ape" points="1,2;3"/>)", "expected x,y;x,y"},
        {R"(<polygon label="ape" points="1,2;3,4"/>)", "a <polygon> of 2 points"},
        {R"(<polygon label="ape"/>)", "a <polygon> of 0 points"},
        {R"(<mask label="ape" rle="1, 2" left="0" top="0" width="2" height="2"/>)", "cover 3 pixels of 2x2"},
        {R"(<mask label="ape" rle="1, -2" left="0" top="0" width="2" height="2"/>)", "run length \" -2\""},
        {R"(<mask label="ape" rle="0, 4" left="49" top="0" width="2" height="2"/>)",
         "reaches beyond its image of 50x40"},
        {R"(<mask label="ape" rle="0, 4" left="0" top="0" width="2.5" height="2"/>)", "width=\"2.5\""},
        {R"(<mask label="ape" rle="0" left="0" top="0" width="70000" height="70000"/>)", "width=\"70000\""}};
    for (const auto& shape : shapes)
        BOOST_TEST_CONTEXT(shape.second)
        {
            folder.write("annotations.xml", cvatText(cvatImage("a.png", CVAT_BOX) + cvatImage("b.png", shape.first)));
            const Dataset dataset = read(folder.path());
            BOOST_TEST(dataset.images.size() == 1u);
            BOOST_TEST(dataset.counters.skippedImages == 1);
            BOOST_TEST(mentions(dataset.warnings, "image \"b.png\""));
            BOOST_TEST(mentions(dataset.warnings, shape.second), dataset.warnings.at(0));
        }
    folder.write("annotations.xml", cvatText(cvatImage("a.png", CVAT_BOX) + cvatImage("../b.png", "")));
    BOOST_TEST(mentions(read(folder.path()).warnings, "its name is \"../b.png\""));
    // Below zero: a box that is none, as in every format.
    folder.write(
        "annotations.xml",
        cvatText(cvatImage("a.png", CVAT_BOX + std::string(R"(<box label="ape" xtl="5" ytl="5" xbr="1" ybr="9"/>)"))));
    BOOST_TEST(read(folder.path()).counters.dropped == 1);
}

BOOST_AUTO_TEST_CASE(any_bytes_work_or_throw)
{
    const TempFolder folder;
    writeCvat(folder);
    fuzz(folder, "annotations.xml", "<>/&;\"'=!?-[],01289.eabox \n\x01\x80\xff", 1500);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ YOLO
BOOST_AUTO_TEST_SUITE(yolo)

BOOST_AUTO_TEST_CASE(reads_what_the_files_say)
{
    const TempFolder folder;
    writeYolo(folder);
    const Dataset dataset = read(folder.path());
    BOOST_TEST(dataset.classNames == (std::vector<std::string>{"ape", "zebra"}));
    BOOST_REQUIRE(dataset.images.size() == 3u);  // sorted by name
    BOOST_TEST(dataset.images[0].path == folder / "images/a.png");
    BOOST_TEST(dataset.images[1].annotations.empty());  // c.png has no text
    BOOST_TEST(dataset.images[2].path == folder / "images/sub/b.png");
    BOOST_TEST(dataset.images[2].width == 200);
    BOOST_REQUIRE(dataset.images[0].annotations.size() == 2u);
    const Annotation &box = dataset.images[0].annotations[0], &outlined = dataset.images[0].annotations[1];
    requireBox(box, 40, 36, 20, 8);
    BOOST_TEST(box.category == 1);
    BOOST_TEST(!box.segmentation);
    requireBox(outlined, 10, 20, 20, 40);
    BOOST_TEST(std::abs(outlined.area - 400) < 1e-9);
    BOOST_REQUIRE(outlined.segmentation.has_value());
    BOOST_TEST(outlined.segmentation->polygons.at(0).size() == 6u);
    BOOST_TEST(std::abs(outlined.segmentation->polygons[0][5] - 60) < 1e-9);
    requireBox(dataset.images[2].annotations.at(0), 0, 0, 100, 50);
    BOOST_TEST(dataset.warnings.empty());
    BOOST_TEST(read(folder.path(), folder / "images").images.size() == 2u);  // named apart: those with a text
    ReadOptions plain;
    BOOST_TEST(!readDataset(folder.path(), "", plain).images[0].annotations[1].segmentation);
}

BOOST_AUTO_TEST_CASE(layouts)
{
    const TempFolder flat;  // darknet
    writeImage(flat, "a.jpg", 100, 80);
    flat.write("a.txt", "0 0.5 0.5 0.5 0.5");
    flat.write("notes.txt", "not a label");
    flat.write("obj.names", "ape\nzebra\n");
    BOOST_TEST(read(flat.path()).numAnnotations() == 1);

    for (const bool splitFirst : {false, true})
        BOOST_TEST_CONTEXT(splitFirst)
        {
            const TempFolder folder;
            const auto part = [&](const std::string& kind, const std::string& split)
            { return splitFirst ? split + "/" + kind + "/" : kind + "/" + split + "/"; };
            for (const std::string split : {"train", "valid"})
                for (const std::string name : {"a", "b"})
                {
                    writeImage(folder, part("images", split) + split + name + ".jpg", 100, 80);
                    folder.write(part("labels", split) + split + name + ".txt", "0 0.5 0.5 0.5 0.5");
                }
            fs::remove(folder / (part("images", "valid") + "validb.jpg"));
            folder.write("data.yaml", "names: {0: ape, 1: zebra}");
            BOOST_TEST(read(folder.path(), "", "train").images.size() == 2u);
            BOOST_TEST(read(folder / "data.yaml", "", "train").images.size() == 2u);
            const Dataset val = read(folder.path(), "", "val");
            BOOST_TEST(val.images.size() == 1u);
            BOOST_TEST(val.counters.skippedImages == 1);
            BOOST_TEST(val.warnings.at(0).find("belongs to it") != std::string::npos);
            BOOST_TEST(read(folder.path(), "", "trainval").images.size() == 3u);
            requireError([&] { read(folder.path(), "", "test"); }, {"no data set found", "images/test"});
            requireError([&] { read(folder.path()); }, {"with the parts train, val"});
            BOOST_TEST(read(folder / part("labels", "train")).images.size() == 2u);
            BOOST_TEST(read(folder / part("labels", "train"), folder / part("images", "train")).images.size() == 2u);
            // The description may name its folders otherwise.
            folder.write("data.yaml", "names: [ape, zebra]\nval: ./" + part("images", "train") + "\n");
            BOOST_TEST(read(folder.path(), "", "val").images.size() == 2u);
        }
}

BOOST_AUTO_TEST_CASE(class_names)
{
    const TempFolder folder;
    writeYolo(folder);
    const auto names = [&](const std::string& text)
    {
        folder.write("data.yaml", text);
        return read(folder.path()).classNames;
    };
    BOOST_TEST(names("names:\n  - a b\n  - 'it''s'\n") == (std::vector<std::string>{"a b", "it's"}));
    BOOST_TEST(names("names:\n  1: z\n  0: a\n") == (std::vector<std::string>{"a", "z"}));
    requireError([&] { names("names:\n  1: z\n  2: a\n"); }, {"data.yaml", "has no class 0"});
    requireError([&] { names("names:\n  x: z\n"); }, {"data.yaml", "line"});
    requireError([&] { names("names: [a, [b]]"); }, {"data.yaml"});
    requireError([&] { names("names: [a, a]"); }, {"\"a\" occurs twice"});
    requireError([&] { names("names: [a"); }, {"data.yaml", "line"});
    requireError([&] { names("train: x"); }, {"0 class names"});
    requireError([&] { names("just text"); }, {"expected keys"});
    requireError([&] { names(""); }, {"data.yaml"});
    requireError([&] { names(std::string(1 << 19, ' ')); }, {"longer than"});
    requireError([&] { names("names: " + std::string(100000, '[')); }, {"data.yaml"});
    requireError([&] { names("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nnames: [*c, *c]"); }, {"data.yaml"});
    BOOST_TEST(seconds([&] { BOOST_CHECK_THROW(names("names: " + std::string(100000, '{')), std::runtime_error); }) <
               5);
    fs::remove(folder / "data.yaml");
    requireError([&] { read(folder.path()); }, {"no names of the classes", "classes.txt", "obj.names"});
    folder.write("labels/classes.txt", "ape\nzebra\n\n");
    BOOST_TEST(read(folder.path()).classNames.size() == 2u);
    folder.write("labels/classes.txt", "ape\n\nzebra\n");
    requireError([&] { read(folder.path()); }, {"classes.txt", "line 2 is empty"});
}

BOOST_AUTO_TEST_CASE(bad_lines)
{
    const TempFolder folder;
    writeYolo(folder);
    const auto withLine = [&](const std::string& line)
    {
        folder.write("labels/a.txt", "0 0.5 0.5 0.5 0.5\n" + line + "\n");
        return read(folder.path());
    };
    requireError([&] { withLine("2 0.5 0.5 0.5 0.5"); }, {"a.txt:2", "the class \"2\" is not one of the 2 known"});
    for (const char* line : {"0 nan 0.5 0.5 0.5", "0 0.5 0.5 -0.5 0.5", "0 0.5 0.5 0 0.5", "0 0.5 0.5 inf 0.5",
                             "0 3 3 0.5 0.5", "0 0.1 0.1 0.2 nan 0.3 0.3"})
    {
        const Dataset dataset = withLine(line);
        BOOST_TEST(dataset.counters.dropped == 1, line);
        BOOST_TEST(dataset.images[0].annotations.size() == 1u);
        BOOST_TEST(dataset.warnings.at(0).find("a.txt:2: annotation id 2 (image id 1)") != std::string::npos,
                   dataset.warnings[0]);
    }
    const std::vector<std::pair<const char*, const char*>> unreadable{
        {"0 0.5 0.5 x 0.5", "line 2: \"x\" is not a number"},
        {"0 0.5 0.5 0.5", "line 2: 4 numbers"},
        {"0 0.5 0.5 0.5 0.5 0.9", "line 2: 6 numbers"},
        {"-1 0.5 0.5 0.5 0.5", "the class is \"-1\""},
        {"0.5 0.5 0.5 0.5 0.5", "the class is \"0.5\""},
        {"1e30 0.5 0.5 0.5 0.5", "the class is"},
        {"\x80\xff", "is not a number"}};
    for (const auto& c : unreadable)
    {
        const Dataset dataset = withLine(c.first);
        BOOST_TEST(dataset.images.size() == 2u);
        BOOST_TEST(dataset.counters.skippedImages == 1);
        BOOST_TEST(dataset.warnings.at(0).find(c.second) != std::string::npos, dataset.warnings[0]);
    }
    BOOST_TEST(withLine("0 0.5 0.5 1.2 0.5").counters.clipped == 1);
}

BOOST_AUTO_TEST_CASE(bad_images_and_folders)
{
    const TempFolder folder;
    writeYolo(folder);
    folder.write("images/broken.jpg", "this is no image");
    BOOST_TEST(read(folder.path()).counters.skippedImages == 1);
    const TempFolder unlabeled;
    writeImage(unlabeled, "images/a.png", 10, 10);
    fs::create_directories(unlabeled / "labels");
    unlabeled.write("classes.txt", "ape");
    requireError([&] { read(unlabeled.path()); }, {"none of the images has a text file"});
    const TempFolder empty;
    fs::create_directories(empty / "labels");
    fs::create_directories(empty / "images");
    empty.write("classes.txt", "ape");
    requireError([&] { read(empty.path()); }, {"no images in"});
}

BOOST_AUTO_TEST_CASE(any_bytes_work_or_throw)
{
    const TempFolder folder;
    writeYolo(folder);
    fuzz(folder, "labels/a.txt", "0123456789.-+eE naifx\n\r\t\x01\x80", 1500);
    writeYolo(folder);
    fuzz(folder, "data.yaml", "[]{}:,'\"#&*!|>-? \n\tab01\x01\x80\xff", 1500);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ which format it is
BOOST_AUTO_TEST_SUITE(finder)

BOOST_AUTO_TEST_CASE(coco_layouts)
{
    const TempFolder folder;
    const json content = writeCoco(folder);
    BOOST_TEST(read(folder.path()).numAnnotations() == 3);
    BOOST_TEST(read(folder / "instances.json").numAnnotations() == 3);  // images/ is found
    BOOST_TEST(read(folder / "instances.json", folder / "images").numAnnotations() == 3);
    BOOST_TEST(read(folder / "instances.json", "", "every5th_train").images.size() == 2u);
    fs::remove(folder / "instances.json");
    folder.write("annotations/instances_train2017.json", content.dump());
    folder.write("annotations/instances_val2017.json", content.dump());
    folder.write("annotations/captions_val2017.json", "{}");
    requireError([&] { read(folder.path()); }, {"several data sets", "instances_train2017", "instances_val2017"});
    BOOST_TEST(read(folder.path(), "", "train").name == "instances_train2017");
    fs::rename(folder / "images", folder / "val2017");
    BOOST_TEST(read(folder.path(), "", "val").images.at(0).path == folder / "val2017/a.png");
    requireError([&] { read(folder.path(), "", "train"); }, {"none of its first images", "say where"});

    const TempFolder roboflow;
    writeCoco(roboflow);
    fs::rename(roboflow / "images", roboflow / "valid");
    fs::rename(roboflow / "instances.json", roboflow / "valid/_annotations.coco.json");
    BOOST_TEST(read(roboflow.path(), "", "val").images.at(0).path == roboflow / "valid/a.png");
    BOOST_TEST(read(roboflow / "valid").numAnnotations() == 3);
}

BOOST_AUTO_TEST_CASE(nothing_there)
{
    const TempFolder folder;
    requireError([&] { read(folder.path()); },
                 {folder.path(), "no data set found", "instances", "Annotations", "labels"});
    requireError([&] { read(folder.path(), "", "train"); }, {"instances_train", "ImageSets/Main/train.txt"});
    requireError([&] { read(folder / "none"); }, {"none", "does not exist"});
    folder.write("a.png", "x");
    requireError([&] { read(folder / "a.png"); }, {"a.png", "not valid JSON"});
    folder.write("a.txt", "x");
    requireError([&] { read(folder / "a.txt"); }, {"name its folder"});
    folder.write("data.yaml", "names: [a]");
    requireError([&] { read(folder / "data.yaml", "", "val"); }, {"no images with labels"});
}

BOOST_AUTO_TEST_CASE(mixed_folders_are_refused)
{
    const TempFolder folder;
    writeVoc(folder);
    writeYolo(folder);
    requireError([&] { read(folder.path()); }, {"several data sets", "Pascal VOC", "YOLO", "name the file or folder"});
    BOOST_TEST(read(folder / "Annotations").images.size() == 2u);
    BOOST_TEST(read(folder / "labels").images.size() == 3u);
    folder.write("instances.json", "{}");
    requireError([&] { read(folder.path()); }, {"COCO", "Pascal VOC", "YOLO"});
}

BOOST_AUTO_TEST_CASE(configurations_may_name_folders)
{
    const TempFolder vocFolder, cocoFolder;
    writeVoc(vocFolder);
    writeCoco(cocoFolder);
    vocFolder.write("ImageSets/Main/train.txt", "b");
    const Config config = parseConfig(
        R"({"model": {"class_names": ["zebra", "ape", "ape & <co>"]}, "data": {"train": [
            {"annotations": ")" +
            vocFolder.path() + R"(", "subset": "train"}, {"annotations": ")" + cocoFolder.path() +
            R"(/instances.json", "repeat": 2}]}})",
        "");
    checkConfig(config);
    ReadOptions options;
    options.classNames = config.model.classNames;
    const Dataset dataset = loadDatasets(config.data.train, options);
    BOOST_REQUIRE(dataset.images.size() == 3u);
    BOOST_TEST(dataset.images[0].annotations.at(0).category == 1);
    BOOST_TEST(dataset.images[1].repeat == 2);
    options.classNames = {"zebra"};
    requireError([&] { loadDatasets(config.data.train, options); }, {"\"ape\" is not one of the 1 known"});
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ sizes of images
BOOST_AUTO_TEST_SUITE(atomic_files)

BOOST_AUTO_TEST_CASE(links_and_streams)
{
    const TempFolder folder;
    const std::string path = folder.write("file.txt", "old");
    fs::create_symlink(path, folder / "link.txt");
    writeTextAtomically(folder / "link.txt", "new");
    BOOST_TEST(fs::is_symlink(folder / "link.txt"));
    BOOST_TEST(d2det::test::textOf(path) == "new");
    writeTextAtomically("/dev/null", "text");
    BOOST_TEST(fs::is_character_file("/dev/null"));
    {
        AtomicFile dropped(path);
        dropped.write("x", 1);
    }
    BOOST_TEST(d2det::test::textOf(path) == "new");
    BOOST_TEST(listFiles(folder.path(), false).size() == 2u);  // nothing temporary is left
    requireError([&] { writeTextAtomically(folder / "none/file.txt", ""); }, {"none/file.txt cannot be created"});
}

//! Files that a killed process left go; those of a running one, and other files, stay.
BOOST_AUTO_TEST_CASE(stale_files)
{
    const TempFolder folder;
    constexpr int NOBODY = 999999999;  // beyond Linux's largest process number
    const std::string own = "b.safetensors.tmp" + std::to_string(::getpid());
    for (const std::string& name : {"a.safetensors.tmp" + std::to_string(NOBODY), std::string("last.safetensors.tmp"),
                                    own, std::string("c.safetensors"), std::string("d.tmpl"), std::string("tmp")})
        std::ofstream(folder / name) << "x";
    std::filesystem::create_directory(folder / "e.tmp");
    BOOST_TEST(removeStaleFiles(folder.path()) == 2);
    BOOST_TEST(listFiles(folder.path(), false).size() == 4u);
    BOOST_TEST(std::ifstream(folder / own).good());
    BOOST_TEST(removeStaleFiles(folder / "none") == 0);

    // A process that was killed and that nobody has waited for yet.
    const pid_t killed = ::fork();
    if (killed == 0)
        ::_exit(0);
    siginfo_t ended;
    BOOST_REQUIRE(::waitid(P_PID, static_cast<id_t>(killed), &ended, WEXITED | WNOWAIT) == 0);
    std::ofstream(folder / "f.svg.tmp" + std::to_string(killed)) << "x";
    BOOST_TEST(removeStaleFiles(folder.path()) == 1);
    BOOST_TEST(::waitpid(killed, nullptr, 0) == killed);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(sizes)

BOOST_AUTO_TEST_CASE(as_decoded)
{
    const TempFolder folder;
    for (const char* name : {"a.jpg", "a.png", "a.bmp", "a.tiff", "a.webp", "a.ppm"})
    {
        writeImage(folder, name, 67, 45);
        BOOST_TEST(imageSize(folder / name) == cv::Size(67, 45), name);
        BOOST_TEST(isImageName(name));
    }
    BOOST_REQUIRE(
        cv::imwrite(folder / "p.jpg", cv::Mat(45, 67, CV_8UC3, cv::Scalar::all(9)), {cv::IMWRITE_JPEG_PROGRESSIVE, 1}));
    BOOST_TEST(imageSize(folder / "p.jpg") == cv::Size(67, 45));
    BOOST_TEST(imageSize(folder / "none.jpg").empty());
    BOOST_TEST(imageSize(folder.path()).empty());
}

BOOST_AUTO_TEST_CASE(turned_by_exif)
{
    const TempFolder folder;
    d2det::test::writeExifJpeg(folder / "t.jpg", cv::Mat(45, 67, CV_8UC3, cv::Scalar(1, 2, 3)), 6);
    BOOST_TEST(imageSize(folder / "t.jpg") == cv::Size(45, 67));
    BOOST_TEST(imageSize(folder / "t.jpg") == cv::imread(folder / "t.jpg").size());
}

//! OpenCV hands such a file to a library that ends the program.
BOOST_AUTO_TEST_CASE(dicom_is_not_decoded)
{
    const TempFolder folder;
    std::ofstream(folder / "a.jpg", std::ios::binary) << std::string(128, '\0') + "DICM" + '\0';
    BOOST_TEST(imageSize(folder / "a.jpg").empty());
    ImageFault fault = ImageFault::NONE;
    std::string reason;
    BOOST_TEST(readAnnotatedImage(folder / "a.jpg", {}, false, fault, reason).empty());
    BOOST_TEST((fault == ImageFault::UNREADABLE));
    BOOST_TEST(reason == "is a DICOM file, convert it to PNG first");
    writeImage(folder, "b.png", 67, 45);
    BOOST_TEST(refusedImage(folder / "b.png").empty());
    BOOST_TEST(refusedImage(folder / "none.png").empty());
}

BOOST_AUTO_TEST_CASE(any_bytes)
{
    const TempFolder folder;
    Random random(5);
    for (const std::string name : {"a.jpg", "a.png"})
    {
        writeImage(folder, name, 67, 45);
        const std::string good = d2det::test::textOf(folder / name);
        for (size_t length = 0; length < std::min<size_t>(good.size(), 400); length += 3)
        {
            folder.write(name, good.substr(0, length));
            const cv::Size size = imageSize(folder / name);
            BOOST_TEST((size.empty() || size == cv::Size(67, 45)));
        }
        for (int i = 0; i < 500; i++)
        {
            std::string text = good;
            text[random.below(std::min<size_t>(text.size(), 300))] = static_cast<char>(random.below(256));
            folder.write(name, text);
            const cv::Size size = imageSize(folder / name);
            BOOST_TEST((size.width >= 0 && size.height >= 0));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ conversions
BOOST_AUTO_TEST_SUITE(conversions)

namespace
{

//! Writes the COCO set of the folder in another format, reads that, writes COCO again, reads that.
Dataset roundTrip(const TempFolder& folder, DatasetFormat format, bool copyImages, std::vector<std::string>& lost)
{
    WriteOptions options;
    options.format = format;
    options.imageFolder = folder / "images";
    options.output = folder / "other";
    options.copyImages = copyImages;
    lost = writeDataset(read(folder / "instances.json"), options);
    const Dataset other = read(options.output, copyImages ? "" : folder / "images");
    WriteOptions back;
    back.imageFolder =
        copyImages ? folder / (format == DatasetFormat::VOC ? "other/JPEGImages" : "other/images") : folder / "images";
    back.output = folder / "back";
    BOOST_TEST(writeDataset(other, back).empty());
    return read(back.output, back.imageFolder);
}

const ImageRecord& imageNamed(const Dataset& dataset, std::string_view end)
{
    for (const ImageRecord& image : dataset.images)
        if (image.path.size() >= end.size() && image.path.compare(image.path.size() - end.size(), end.size(), end) == 0)
            return image;
    throw std::runtime_error("no image " + std::string(end));
}

}  // namespace

BOOST_AUTO_TEST_CASE(coco_to_coco_is_exact)
{
    const TempFolder folder;
    writeCoco(folder);
    const Dataset before = read(folder.path());
    WriteOptions options;
    options.imageFolder = folder / "images";
    options.output = folder / "other";
    options.copyImages = true;
    BOOST_TEST(writeDataset(before, options).empty());
    const Dataset after = read(options.output);
    BOOST_TEST(after.classNames == before.classNames);
    BOOST_TEST(after.categoryIds == before.categoryIds);
    for (size_t i = 0; i < 2; i++)
    {
        BOOST_TEST(after.images.at(i).id == before.images[i].id);
        BOOST_REQUIRE(after.images[i].annotations.size() == before.images[i].annotations.size());
        for (size_t k = 0; k < after.images[i].annotations.size(); k++)
        {
            const Annotation &a = after.images[i].annotations[k], &b = before.images[i].annotations[k];
            requireBox(a, b.x, b.y, b.width, b.height, 0);
            BOOST_TEST((a.id == b.id && a.area == b.area && a.crowd == b.crowd && a.category == b.category));
            BOOST_TEST(a.segmentation.has_value() == b.segmentation.has_value());
            if (a.segmentation)
                BOOST_TEST(a.segmentation->polygons == b.segmentation->polygons);
        }
    }
    requireError([&] { writeDataset(before, options); }, {"other", "is not empty"});
}

BOOST_AUTO_TEST_CASE(coco_to_voc_and_back)
{
    for (const bool copyImages : {false, true})
    {
        const TempFolder folder;
        writeCoco(folder);
        std::vector<std::string> lost;
        const Dataset back = roundTrip(folder, DatasetFormat::VOC, copyImages, lost);
        BOOST_TEST(back.classNames == (std::vector<std::string>{"zebra", "ape & <co>"}));
        const ImageRecord &a = imageNamed(back, "a.png"), &b = imageNamed(back, "b.png");
        BOOST_REQUIRE(a.annotations.size() == 2u);
        requireBox(a.annotations[0], 2.25, 3.5, 10.5, 20.25, 1);
        BOOST_TEST(a.annotations[0].x == 2.);
        BOOST_TEST(a.annotations[0].category == 1);
        requireBox(a.annotations[1], 0, 0, 50, 40, 0);
        BOOST_TEST(a.annotations[1].crowd);
        requireBox(b.annotations.at(0), 10, 5, 20, 10, 0);
        BOOST_TEST(b.width == 64);
        BOOST_TEST(mentions(lost, "1 masks"));
        BOOST_TEST(mentions(lost, "1 boxes were rounded"));
        BOOST_TEST(mentions(lost, "1 crowds"));
    }
}

BOOST_AUTO_TEST_CASE(coco_to_yolo_and_back)
{
    for (const bool copyImages : {false, true})
    {
        const TempFolder folder;
        writeCoco(folder);
        std::vector<std::string> lost;
        const Dataset back = roundTrip(folder, DatasetFormat::YOLO, copyImages, lost);
        BOOST_TEST(back.classNames == (std::vector<std::string>{"zebra", "ape & <co>"}));
        const ImageRecord &a = imageNamed(back, "a.png"), &b = imageNamed(back, "sub/b.png");
        BOOST_REQUIRE(a.annotations.size() == 1u);  // the crowd is left out
        requireBox(a.annotations[0], 2.25, 3.5, 10.5, 20.25, 1e-5);
        BOOST_TEST(a.annotations[0].category == 1);
        requireBox(b.annotations.at(0), 10, 5, 20, 10, 1e-5);
        BOOST_REQUIRE(b.annotations[0].segmentation.has_value());
        BOOST_TEST(std::abs(b.annotations[0].area - 100) < 1e-3);
        BOOST_TEST(mentions(lost, "1 crowds"));
        BOOST_TEST(mentions(lost, "1 outlines"));
    }
}

BOOST_AUTO_TEST_CASE(voc_to_yolo_keeps_pixels)
{
    const TempFolder folder;
    writeVoc(folder);
    WriteOptions options;
    options.format = DatasetFormat::YOLO;
    options.imageFolder = folder / "JPEGImages";
    options.output = folder / "other";
    writeDataset(read(folder.path()), options);
    const Dataset yolo = read(options.output, options.imageFolder);
    BOOST_TEST(yolo.classNames == (std::vector<std::string>{"ape", "zebra"}));
    requireBox(yolo.images.at(0).annotations.at(0), 0, 0, 50, 40, 1e-5);
    requireBox(yolo.images.at(1).annotations.at(0), 1, 2, 1, 1, 1e-5);
}

BOOST_AUTO_TEST_CASE(run_lengths_become_outlines)
{
    const TempFolder folder;
    json content = writeCoco(folder);
    // Rows 1 to 3 of columns 1 and 2 of a 64 x 32 image; the other image has a mask of two parts.
    content["annotations"][2]["segmentation"] = {{"size", {32, 64}}, {"counts", {33, 3, 29, 3, 1980}}};
    content["annotations"][2]["bbox"] = {1, 1, 2, 3};
    content["annotations"][0]["segmentation"] = {{2, 4, 8, 4, 8, 20}, {9, 4, 12, 4, 12, 20}};
    folder.write("instances.json", content.dump());
    std::vector<std::string> lost;
    const Dataset back = roundTrip(folder, DatasetFormat::YOLO, false, lost);
    const Annotation& outlined = imageNamed(back, "b.png").annotations.at(0);
    BOOST_REQUIRE(outlined.segmentation.has_value());
    requireBox(outlined, 1, 1, 2, 3, 1e-5);
    BOOST_TEST(std::abs(outlined.area - 6) < 1e-4);
    BOOST_TEST(!imageNamed(back, "a.png").annotations.at(0).segmentation);
    BOOST_TEST(mentions(lost, "1 masks"));
}

namespace
{

void addDetection(ImageRecord& image, int category, double score, cv::Rect2d box, const cv::Mat& mask = cv::Mat())
{
    Annotation a;
    a.id = 1 + static_cast<int64_t>(image.annotations.size()) + 100 * image.id;
    a.category = category;
    a.score = score;
    if (!mask.empty())
    {
        const cv::d2det::Rle code = cv::d2det::rleEncode(mask);
        const cv::Rect span = cv::d2det::rleBoundingBox(code);
        box = cv::Rect2d(span.x - 0.4, span.y - 0.3, span.width + 0.65, span.height + 0.7);  // as of a detector
        a.area = cv::d2det::rleArea(code);
        a.segmentation.emplace();
        a.segmentation->compressed = cv::d2det::rleToString(code);
        a.segmentation->height = code.height;
        a.segmentation->width = code.width;
    }
    a.x = box.x;
    a.y = box.y;
    a.width = box.width;
    a.height = box.height;
    image.annotations.push_back(a);
}

//! What a detector finds: blobs, one with a hole, one of two parts, one with a speck, a small one, and plain boxes.
Dataset detections(const TempFolder& folder)
{
    Dataset dataset;
    dataset.classNames = {"zebra", "ape & <co>"};
    dataset.categoryIds = {1, 2};
    const char* const names[] = {"a.png", "sub/b.png", "c.png", "d.png"};
    for (size_t i = 0; i < 4; i++)
    {
        writeImage(folder, std::string("images/") + names[i], 200, 150);
        dataset.images.emplace_back();
        dataset.images[i].path = folder / (std::string("images/") + names[i]);
        dataset.images[i].id = static_cast<int64_t>(i) + 1;
        dataset.images[i].width = 200;
        dataset.images[i].height = 150;
    }
    const auto blank = [] { return cv::Mat(cv::Mat::zeros(150, 200, CV_8U)); };
    cv::Mat blob = blank(), hole = blank(), parts = blank(), speck = blank(), small = blank();
    cv::ellipse(blob, {60, 50}, {37, 21}, 30, 0, 360, 255, -1);
    cv::circle(hole, {140, 90}, 40, 255, -1);
    cv::circle(hole, {145, 85}, 20, 0, -1);
    cv::rectangle(parts, {10, 100, 30, 20}, 255, -1);
    cv::circle(parts, {80, 120}, 15, 255, -1);
    cv::ellipse(speck, {100, 60}, {50, 30}, 70, 0, 360, 255, -1);
    speck.at<uchar>(105, 70) = 255;  // inside the box of the others
    cv::circle(small, {150, 30}, 3, 255, -1);
    addDetection(dataset.images[0], 0, 0.9123, {}, blob);
    addDetection(dataset.images[0], 1, 0.5, {}, hole);
    addDetection(dataset.images[0], 1, 0.25, {}, parts);
    addDetection(dataset.images[1], 0, 0.75, {}, blob);
    addDetection(dataset.images[1], 1, 0.8, {}, speck);
    addDetection(dataset.images[1], 0, 0.3, {}, small);
    addDetection(dataset.images[2], 1, 0.6, {10.25, 20.5, 30.26, 40.13});
    addDetection(dataset.images[2], 0, 0.6, {0, 0, 200, 150});
    dataset.images[3].empty = EmptyImage::ANNOTATED;
    return dataset;
}

double maskIoU(const Segmentation& a, const Segmentation& b)
{
    return cv::d2det::rleIoU(toRle(a, 150, 200), toRle(b, 150, 200));
}

}  // namespace

//! Detections become a data set of each format that reads back to the same objects.
BOOST_AUTO_TEST_CASE(detections_in_every_format)
{
    for (const std::string name : {"coco", "voc", "yolo", "labelme", "cvat"})
        for (const bool boxesOnly : {false, true})
            for (const double tolerance : {0., 1.})
                for (const bool copyImages : {false, true})
                    BOOST_TEST_CONTEXT(name << " boxesOnly " << boxesOnly << " tolerance " << tolerance
                                            << " copyImages " << copyImages)
                    {
                        const TempFolder folder;
                        const Dataset before = detections(folder);
                        WriteOptions options;
                        options.format = writtenFormat(name);
                        options.imageFolder = folder / "images";
                        options.output = folder / "other";
                        options.boxesOnly = boxesOnly;
                        options.tolerance = tolerance;
                        options.copyImages = copyImages;
                        const std::vector<std::string> lost = writeDataset(before, options);
                        const std::string images = copyImages ? "" : folder / "images";
                        const Dataset after = read(options.output, images);
                        BOOST_TEST(after.classNames == before.classNames);
                        BOOST_REQUIRE(after.images.size() == before.images.size());
                        BOOST_TEST(mentions(lost, "scores") == (name == "yolo"));
                        BOOST_TEST((imageNamed(after, "d.png").empty == EmptyImage::ANNOTATED));
                        const bool hasMasks = !boxesOnly && name != "voc";
                        for (size_t i = 0; i < before.images.size(); i++)
                        {
                            const std::string own = before.images[i].path;
                            const ImageRecord& image = imageNamed(after, own.substr(own.size() - 5));
                            BOOST_TEST((image.width == 200 && image.height == 150));
                            BOOST_REQUIRE(image.annotations.size() == before.images[i].annotations.size());
                            for (size_t k = 0; k < image.annotations.size(); k++)
                            {
                                const Annotation &a = image.annotations[k], &b = before.images[i].annotations[k];
                                BOOST_TEST(a.category == b.category);
                                if (name != "yolo" && name != "voc")
                                    BOOST_TEST(a.score == b.score);
                                // YOLO has outlines only where each object of the image has one of one piece.
                                const bool outlined =
                                    hasMasks && b.segmentation && (name != "yolo" || (i == 1 && tolerance > 0));
                                BOOST_REQUIRE(a.segmentation.has_value() == outlined);
                                const bool spans = outlined && name != "coco";  // a box is what the outline spans
                                requireBox(a, b.x, b.y, b.width, b.height,
                                           spans            ? 1.5 + tolerance
                                           : name == "voc"  ? 1
                                           : name == "cvat" ? 0.011
                                                            : 1e-5);
                                if (!outlined)
                                    continue;
                                const bool filled = i == 0 && k == 1 && name == "labelme";
                                BOOST_TEST(maskIoU(*a.segmentation, *b.segmentation) >= (filled ? 0.7 : 0.95));
                                if (tolerance == 0 && !filled && name != "labelme")
                                    BOOST_TEST(maskIoU(*a.segmentation, *b.segmentation) == 1);
                            }
                        }
                        // Another format, from what was read.
                        const RawDataset raw = readRaw(options.output, images,
                                                       []
                                                       {
                                                           ReadOptions reading;
                                                           reading.keepSegmentation = true;
                                                           return reading;
                                                       }());
                        BOOST_TEST(lint(raw).errors == 0);
                    }
}

BOOST_AUTO_TEST_CASE(outlines_with_fewer_points)
{
    cv::Mat mask = cv::Mat::zeros(300, 400, CV_8U);
    cv::ellipse(mask, {200, 150}, {130, 80}, 25, 0, 360, 1, -1);
    const cv::d2det::Rle code = cv::d2det::rleEncode(mask);
    const size_t exact = simpleOutlines(code, 0).at(0).size();
    BOOST_TEST(simpleOutlines(code, 0) == cv::d2det::rleToPolygons(code));
    const std::vector<std::vector<double>> simple = simpleOutlines(code, 1);
    BOOST_TEST(simple.at(0).size() * 5 < exact);
    BOOST_TEST(cv::d2det::rleIoU(cv::d2det::rleFromPolygons(simple, 300, 400), code) >= 0.97);
    cv::Mat tiny = cv::Mat::zeros(10, 10, CV_8U);
    tiny(cv::Rect(3, 4, 2, 1)) = 1;
    tiny.at<uchar>(5, 3) = 1;  // an L of three pixels: nothing may be left out
    BOOST_TEST(simpleOutlines(cv::d2det::rleEncode(tiny), 2) == cv::d2det::rleToPolygons(cv::d2det::rleEncode(tiny)));
    BOOST_TEST(simpleOutlines(cv::d2det::rleEncode(cv::Mat(cv::Mat::zeros(10, 10, CV_8U))), 1).empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_written_outside_the_output)
{
    const TempFolder folder;
    writeCoco(folder);
    const Dataset dataset = read(folder.path());
    for (const DatasetFormat format :
         {DatasetFormat::COCO, DatasetFormat::VOC, DatasetFormat::YOLO, DatasetFormat::LABELME, DatasetFormat::CVAT})
    {
        WriteOptions options;
        options.format = format;
        options.imageFolder = folder / "elsewhere";  // not where the images are: their names would begin with ".."
        options.output = folder / (std::string("out/") + formatName(format));
        requireError([&] { writeDataset(dataset, options); }, {"a.png", "is not in the image folder"});
        options.imageFolder = folder / "images/../images/";
        options.output += "_2";
        writeDataset(dataset, options);
    }
    BOOST_TEST(listFiles(folder.path(), false) == std::vector<std::string>{"instances.json"});
    BOOST_TEST(listFiles(folder / "images", true) == (std::vector<std::string>{"a.png", "sub/b.png"}));
}

BOOST_AUTO_TEST_CASE(names_that_clash)
{
    const TempFolder folder;
    writeImage(folder, "images/a.png", 10, 10);
    writeImage(folder, "images/a.jpg", 10, 10);
    folder.write("instances.json", R"({"images": [{"id": 1, "file_name": "a.png", "width": 10, "height": 10},
        {"id": 2, "file_name": "a.jpg", "width": 10, "height": 10}], "categories": [{"id": 1, "name": "x"}],
        "annotations": []})");
    for (const DatasetFormat format : {DatasetFormat::VOC, DatasetFormat::YOLO, DatasetFormat::LABELME})
    {
        WriteOptions options;
        options.format = format;
        options.imageFolder = folder / "images";
        options.output = folder / formatName(format);
        requireError([&] { writeDataset(read(folder.path()), options); }, {"a.png", "a.jpg", "would share"});
    }
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ statistics
BOOST_AUTO_TEST_SUITE(statistics)

BOOST_AUTO_TEST_CASE(counts)
{
    const TempFolder folder;
    json content = writeCoco(folder);
    content["annotations"].push_back(
        {{"id", 14}, {"image_id", 3}, {"category_id", 9}, {"bbox", {0, 0, 64, 32}}, {"area", 1024}});
    content["annotations"].push_back(
        {{"id", 15}, {"image_id", 3}, {"category_id", 9}, {"bbox", {0, 0, 64, 32}}, {"area", 9216}});
    folder.write("instances.json", content.dump());
    const DatasetStatistics s = computeStatistics(read(folder.path()));
    BOOST_TEST(s.images == 2);
    BOOST_TEST(s.all.instances == 4);
    BOOST_TEST(s.all.crowds == 1);
    BOOST_TEST(s.all.masks == 1);
    BOOST_TEST((s.all.sizes == std::array<int64_t, 3>{2, 1, 1}));  // the limits belong to the larger
    BOOST_TEST(s.classes.at(1).instances == 3);
    BOOST_TEST(s.classes.at(1).images == 2);
    BOOST_TEST(s.classes.at(0).images == 1);  // a crowd is no instance
    BOOST_TEST(s.instancesPerImage == (std::vector<double>{1, 3}));
    BOOST_TEST(s.aspects.back() == 2.);
    BOOST_TEST(quantile(s.instancesPerImage, 0.5) == 2.);
    BOOST_TEST(quantile({}, 0.5) == 0.);
    BOOST_TEST(quantile({1, 2, 4}, 1) == 4.);
}

BOOST_AUTO_TEST_CASE(values_between_edges)
{
    const std::vector<double> expected{2, 1, 3};  // what lies outside belongs to the ends
    BOOST_TEST(histogram({-5, 0.5, 1, 2, 3, 99}, {0, 1, 2, 3}) == expected, boost::test_tools::per_element());
    BOOST_CHECK_THROW(histogram({1}, {0}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ faults
BOOST_AUTO_TEST_SUITE(faults)

BOOST_AUTO_TEST_CASE(many_equal_boxes_take_bounded_time)
{
    const TempFolder folder;
    json content = writeCoco(folder);
    content["annotations"] = json::array();
    for (int i = 0; i < 40000; i++)  // half of them equal, the others in one column
        content["annotations"].push_back(
            {{"id", i}, {"image_id", 7}, {"category_id", 9}, {"bbox", {1, i % 2 ? 1. : 39. * i / 40000, 10, 0.0004}}});
    folder.write("instances.json", content.dump());
    ReadOptions options;
    LintReport report;
    BOOST_TEST(seconds([&] { report = lint(readRaw(folder.path(), "", options)); }) < 20);
    const auto duplicates = std::count_if(report.findings.begin(), report.findings.end(),
                                          [](const Finding& f) { return f.code == "duplicate-box"; });
    BOOST_TEST(duplicates >= 19998);
    BOOST_TEST(std::count_if(report.findings.begin(), report.findings.end(),
                             [](const Finding& f) { return f.code == "not-compared"; }) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ real data
BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(d2det::test::sharedPresent))

BOOST_AUTO_TEST_CASE(real_sets_survive_conversion)
{
    struct Case
    {
        const char *annotations, *images;
    };
    const std::string data = (fs::canonical(d2det::test::sharedFolder()) / "data").string() + "/";
    for (const Case& c : {Case{"pennfudan", "pennfudan/images"}, Case{"vhr10/instances_val.json", "vhr10/images"},
                          Case{"coco_cc/instances_val2017.json", "coco_cc/val2017"}})
        BOOST_TEST_CONTEXT(c.annotations)
        {
            const Dataset before = read(data + c.annotations);  // images are found
            BOOST_TEST(before.images.at(0).path.rfind(data + c.images, 0) == 0u);
            const int64_t crowds = before.counters.crowd;
            for (const DatasetFormat format : {DatasetFormat::VOC, DatasetFormat::YOLO})
            {
                const TempFolder folder;
                WriteOptions options;
                options.format = format;
                options.imageFolder = data + c.images;
                options.output = folder / "other";
                writeDataset(before, options);
                const Dataset after = read(options.output, options.imageFolder);
                BOOST_TEST(after.classNames == before.classNames);
                BOOST_TEST(after.images.size() == before.images.size());
                BOOST_TEST(after.numAnnotations() ==
                           before.numAnnotations() - (format == DatasetFormat::YOLO ? crowds : 0));
                BOOST_TEST(after.counters.dropped == 0);
                BOOST_TEST(after.counters.skippedImages == 0);
            }
        }
}

BOOST_AUTO_TEST_CASE(header_sizes_equal_decoded_sizes)
{
    for (const char* name : {"coco_cc/train2017", "vhr10/images"})
    {
        const std::string folder = (d2det::test::sharedFolder() / "data" / name).string();
        size_t compared = 0;
        for (const std::string& file : listFiles(folder, false))
            if (isImageName(file) && compared < 100)
            {
                BOOST_TEST(imageSize(folder + "/" + file) == cv::imread(folder + "/" + file).size(), file);
                compared++;
            }
        BOOST_TEST(compared > 50u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
