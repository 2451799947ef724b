// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Inputs from the field: kinds of files and situations that public reports about detectors are full of. Every kind
   has a number, f01 to w12, with which the names of its tests begin. Here the programs are run: the suite `shared` on
   the inputs of the shared data (folder cases, f01_exif_turned_pictures and so on), the others on images that are made
   here. What a kind is made of is tested where the code is, with inputs that the tests make:

     test_foreign_files      f01 to f03, f05, f07 to f11, f16, f19, w01, w02, w04 to w07
     test_same_rules         f01 in the trainer and in all programs
     test_detect_program     f03, f04, f13, f15, f20
     test_evaluate_program   f03, f14, w09
     tests of the module     f13 and w12; for w09 D2Det_BoxMask */

#define BOOST_TEST_MODULE field_cases
#include <boost/test/unit_test.hpp>

#include "errors.hpp"
#include "programs.hpp"
#include "shared_data.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <unistd.h>

namespace fs = std::filesystem;
namespace tt = boost::test_tools;
namespace utf = boost::unit_test;
using d2det::test::checkContains;
using d2det::test::contains;
using d2det::test::Outcome;
using d2det::test::ProgramIsThere;
using d2det::test::TempFolder;
using d2det::test::textOf;
using nlohmann::json;

namespace
{

const std::string MODEL = "'" + std::string(D2DET_SOURCE_DIR) + "/data/models/d2det_mnv2_person.onnx'";
const double MEGABYTE = 1024. * 1024;

//! AP and AP50 of boxes; -1 where they are not printed.
std::vector<double> boxes(const Outcome& outcome)
{
    BOOST_TEST(outcome.code == 0, outcome.err);
    std::vector<double> numbers;
    for (const std::string line :
         {"IoU=0.50:0.95 | area=   all | maxDets=100 ] = ", "IoU=0.50      | area=   all | maxDets=100 ] = "})
    {
        const size_t at = outcome.out.find(line);
        numbers.push_back(at == std::string::npos ? -1 : std::stod(outcome.out.substr(at + line.size(), 5)));
    }
    return numbers;
}

void checkBoxes(const Outcome& outcome, double ap, double ap50, double tolerance = 1e-9)
{
    const std::vector<double> numbers = boxes(outcome);
    BOOST_TEST(std::abs(numbers[0] - ap) <= tolerance, numbers[0] << " for " << ap);
    BOOST_TEST(std::abs(numbers[1] - ap50) <= tolerance, numbers[1] << " for " << ap50);
}

std::string command(const std::string& program, const std::string& arguments)
{
    return "'" + d2det::test::programPath(program) + "' " + arguments;
}

//! Images of the project's own photograph, with annotations in three formats, removed at the end.
struct World
{
    World()
    {
        for (const char* name : {"images", "yolo/labels", "yolo/images"})
            fs::create_directories(root / name);
        const cv::Mat people = cv::imread(std::string(D2DET_SOURCE_DIR) + "/test/images/two_people.jpg");
        BOOST_REQUIRE(!people.empty());
        cv::Mat mirrored, small;
        cv::flip(people, mirrored, 1);
        cv::resize(people, small, cv::Size(), 0.9, 0.9, cv::INTER_AREA);
        add("a.jpg", 30, people, [](cv::Rect2d box) { return box; });
        add("b.jpg", 10, mirrored,
            [&](cv::Rect2d box) { return cv::Rect2d(people.cols - box.br().x, box.y, box.width, box.height); });
        add("c.jpg", 20, small,
            [](cv::Rect2d box) { return cv::Rect2d(0.9 * box.x, 0.9 * box.y, 0.9 * box.width, 0.9 * box.height); });
        write("instances.json", coco);
        std::ofstream(root / "yolo/classes.txt") << "person\n";
    }

    template <typename Move>
    void add(const std::string& name, int id, const cv::Mat& image, Move move)
    {
        BOOST_REQUIRE(cv::imwrite((root / "images" / name).string(), image, {cv::IMWRITE_JPEG_QUALITY, 95}));
        fs::copy_file(root / "images" / name, root / "yolo/images" / name);
        coco["images"].push_back({{"id", id}, {"file_name", name}, {"width", image.cols}, {"height", image.rows}});
        std::ofstream labels(root / "yolo/labels" / fs::path(name).replace_extension(".txt"));
        for (const cv::Rect2d& annotated :
             {cv::Rect2d(27.29, 32.17, 51.6, 145.99), cv::Rect2d(95.26, 28.7, 48.12, 145.5)})
        {
            const cv::Rect2d box = move(annotated);
            coco["annotations"].push_back({{"id", coco["annotations"].size() + 1},
                                           {"image_id", id},
                                           {"category_id", 7},
                                           {"bbox", {box.x, box.y, box.width, box.height}},
                                           {"area", box.area()},
                                           {"iscrowd", 0}});
            labels << "0 " << (box.x + box.width / 2) / image.cols << " " << (box.y + box.height / 2) / image.rows
                   << " " << box.width / image.cols << " " << box.height / image.rows << "\n";
        }
    }

    void write(const std::string& name, const json& content) const { std::ofstream(root / name) << content; }

    Outcome run(const std::string& program, const std::string& arguments) const
    {
        return d2det::test::runShell(root.string(), command(program, arguments));
    }

    json results(const std::string& output) const
    {
        return json::parse(textOf((root / output / "detections.json").string()));
    }

    //! The annotations of some of the images.
    json part(const std::vector<int>& ids) const
    {
        json result = coco;
        const auto chosen = [&](const json& id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); };
        for (const char* list : {"images", "annotations"})
        {
            result[list] = json::array();
            for (const json& entry : coco[list])
                if (chosen(entry[list == std::string("images") ? "id" : "image_id"]))
                    result[list].push_back(entry);
        }
        return result;
    }

    json coco = {
        {"images", json::array()}, {"annotations", json::array()}, {"categories", {{{"id", 7}, {"name", "person"}}}}};
    TempFolder folder;
    const fs::path root = folder.path();
};

//! Precondition: so much memory; large images are not for small machines, nor for programs with sanitizers.
struct MemoryIsThere
{
    double megabytes;

    tt::assertion_result operator()(utf::test_unit_id) const
    {
        const double there = double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGESIZE)) / MEGABYTE;
        const bool run = !d2det::test::SANITIZED && there >= megabytes;
        if (!run)
            std::cout << (d2det::test::SANITIZED ? "SKIPPED: a build with sanitizers takes memory of its own"
                                                 : "SKIPPED: this machine has too little memory")
                      << std::endl;
        return run;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(made, World,
                         *utf::precondition(ProgramIsThere{"d2det_detect"}) *
                             utf::precondition(ProgramIsThere{"d2det_evaluate"}))

//! What d2det_detect finds in two of three images, measured on them: the numbers of the model on these two.
BOOST_AUTO_TEST_CASE(f03_detect_then_evaluate)
{
    const std::string settings = "-m " + MODEL + " --score 0.05 -q ";
    write("part.json", part({10, 20}));
    const Outcome reference = run("d2det_evaluate", settings + "-a part.json -i images");
    const std::vector<double> expected = boxes(reference);
    BOOST_TEST(expected[0] > 0.6);
    BOOST_TEST(expected[0] < 0.999);  // otherwise any order of the images would do
    BOOST_REQUIRE(run("d2det_detect", settings + "--no-pictures -o out images/b.jpg images/c.jpg").code == 0);
    for (const std::string annotations : {"instances.json", "yolo"})
        BOOST_TEST_CONTEXT(annotations)
        {
            const Outcome measured = run("d2det_evaluate", "-a " + annotations + " -r out/detections.json");
            // The list has hundredths of a pixel, text files of YOLO have six digits.
            checkBoxes(measured, expected[0], expected[1], 0.011);
            checkContains(measured.out, "measured on the 2 of 3 images");
        }
    // With annotations the list has their ids, and any program can measure it.
    BOOST_REQUIRE(
        run("d2det_detect", settings + "--no-pictures -o ids -a instances.json images/b.jpg images/c.jpg").code == 0);
    json found = results("ids");
    for (json& result : found)
    {
        BOOST_TEST(result["category_id"] == 7);
        BOOST_TEST(result["image_id"] == (result["file_name"] == "images/b.jpg" ? 10 : 20));
        result.erase("file_name");
        result.erase("category_name");
    }
    write("ids.json", found);
    checkBoxes(run("d2det_evaluate", "-a part.json -r ids.json"), expected[0], expected[1], 0.011);
    // The model has no operating score: what people look at begins at 0.5, and the evaluation says that this is a cut.
    BOOST_REQUIRE(run("d2det_detect", "-m " + MODEL + " -q --no-pictures -o sure images/b.jpg images/c.jpg").code == 0);
    const json sure = results("sure");
    BOOST_TEST(!sure.empty());
    BOOST_TEST(sure.size() ==
               static_cast<size_t>(std::count_if(found.begin(), found.end(),
                                                 [](const json& r) { return r["score"].get<double>() > 0.5; })));
    checkContains(run("d2det_evaluate", "-a part.json -r sure/detections.json").out, "no result has a score below 0.");
    // Without names and ids of the annotations they are numbers that nobody knows.
    for (json& result : found)
        result["image_id"] = result["image_id"] == 10 ? 1 : 2;
    write("counted.json", found);
    const Outcome unknown = run("d2det_evaluate", "-a instances.json -r counted.json");
    BOOST_TEST(unknown.code == 1);
    checkContains(unknown.err, "does the file belong");
}

//! An image of more than 2^28 pixels between two others: boxes without masks, and the run goes on.
BOOST_AUTO_TEST_CASE(f13_mask_above_the_limit, *utf::precondition(MemoryIsThere{4000}))
{
    const int side = 16400;
    {
        cv::Mat people =
            cv::imread(std::string(D2DET_SOURCE_DIR) + "/test/images/two_people.jpg", cv::IMREAD_GRAYSCALE);
        BOOST_REQUIRE(int64_t(side) * side > (1 << 28));
        cv::resize(people, people, cv::Size(side, side), 0, 0, cv::INTER_LINEAR);
        BOOST_REQUIRE(cv::imwrite((root / "images/big.jpg").string(), people, {cv::IMWRITE_JPEG_QUALITY, 50}));
    }
    const Outcome outcome = run("d2det_detect", "-m " + MODEL +
                                                    " --score 0.5 --no-pictures -q -o out images/a.jpg images/big.jpg "
                                                    "images/b.jpg");
    BOOST_TEST(outcome.code == 0, outcome.err);
    checkContains(outcome.err, "1 image of more than 2^28 pixels, the limit of run lengths: boxes without outlines");
    std::map<std::string, int> found;
    for (const json& result : results("out"))
    {
        found[result["file_name"]]++;
        BOOST_TEST(result.contains("segmentation") == (result["file_name"] != "images/big.jpg"));
    }
    for (const char* name : {"images/a.jpg", "images/big.jpg", "images/b.jpg"})
        BOOST_TEST(found[name] >= 1, name);

    json annotated = coco;
    const cv::Rect2d box(27.29 / 256 * side, 32.17 / 194 * side, 51.6 / 256 * side, 145.99 / 194 * side);
    annotated["images"].push_back({{"id", 40}, {"file_name", "big.jpg"}, {"width", side}, {"height", side}});
    annotated["annotations"].push_back({{"id", 99},
                                        {"image_id", 40},
                                        {"category_id", 7},
                                        {"bbox", {box.x, box.y, box.width, box.height}},
                                        {"area", box.area()},
                                        {"iscrowd", 0}});
    for (json& object : annotated["annotations"])  // so that masks are made
    {
        const double x = object["bbox"][0], y = object["bbox"][1], w = object["bbox"][2], h = object["bbox"][3];
        if (object["image_id"] != 40)
            object["segmentation"] = {{x, y, x + w, y, x + w, y + h, x, y + h}};
    }
    write("annotated.json", annotated);
    const Outcome measured = run("d2det_evaluate", "-m " + MODEL + " -q -a annotated.json -i images");
    BOOST_TEST(boxes(measured)[0] > 0.5);
    checkContains(measured.err, "big.jpg has more than 2^28 pixels, the limit of run lengths");
}

/** Masks take the memory of their boxes, not of the image: so a photograph of 48 megapixels with many people takes,
    with masks, no more than without them and what lies in the boxes. */
BOOST_AUTO_TEST_CASE(w09_memory_of_masks, *utf::precondition(MemoryIsThere{2000}))
{
    const cv::Size size(8000, 6000);
    {
        const cv::Mat people = cv::imread(std::string(D2DET_SOURCE_DIR) + "/test/images/two_people.jpg");
        cv::Mat tile, image(size, CV_8UC3);
        cv::resize(people, tile, cv::Size(2000, 1500), 0, 0, cv::INTER_CUBIC);
        for (int y = 0; y < size.height; y += tile.rows)
            for (int x = 0; x < size.width; x += tile.cols)
                tile.copyTo(image(cv::Rect(cv::Point(x, y), tile.size())));
        BOOST_REQUIRE(cv::imwrite((root / "images/photograph.jpg").string(), image));
    }
    write(
        "boxes.json",
        json{{"images", {{{"id", 1}, {"file_name", "photograph.jpg"}, {"width", size.width}, {"height", size.height}}}},
             {"annotations",
              {{{"id", 1},
                {"image_id", 1},
                {"category_id", 7},
                {"bbox", {213.2, 248.7, 403.1, 1128.8}},
                {"area", 455019.},
                {"iscrowd", 0}}}},
             {"categories", coco["categories"]}});
    const auto peak = [&](const std::string& program, const std::string& arguments)
    {
        const auto measured = d2det::test::measureShell(root.string(), "exec " + command(program, arguments));
        BOOST_TEST(measured.outcome.code == 0, measured.outcome.text);
        BOOST_TEST_MESSAGE(program << " " << arguments << ": " << measured.peakBytes / MEGABYTE << " MB");
        return double(measured.peakBytes);
    };
    const std::string detect = "-m " + MODEL + " --score 0.05 --threads 1 --no-pictures -q images/photograph.jpg -o ";
    const double without = peak("d2det_detect", detect + "boxes --boxes-only");
    const double with = peak("d2det_detect", detect + "masks");
    const json found = results("masks");
    BOOST_REQUIRE(found.size() >= 20U);
    double inBoxes = 0;
    for (const json& result : found)
    {
        BOOST_TEST(result.contains("segmentation"));
        inBoxes += result["bbox"][2].get<double>() * result["bbox"][3].get<double>();
    }
    BOOST_TEST_MESSAGE(found.size() << " objects, " << inBoxes / MEGABYTE << " MB in their boxes");
    // One entire mask is 48 MB, all of them would be more than a gigabyte. Half of one mask is left for run lengths,
    // the network's masks of 28 x 28 and what the allocator keeps.
    const double entire = size.area(), allowed = inBoxes + entire / 2;
    BOOST_REQUIRE(double(found.size()) * entire > 4 * allowed);
    BOOST_TEST((with - without) / MEGABYTE <= allowed / MEGABYTE);
    // Where the annotations have no outlines, masks would be compared with nothing: they are not made.
    const double evaluated =
        peak("d2det_evaluate", "-m " + MODEL + " --score 0.05 --threads 1 -q -a boxes.json -i images");
    BOOST_TEST((evaluated - without) / MEGABYTE <= entire / 2 / MEGABYTE);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ the inputs themselves
BOOST_AUTO_TEST_SUITE(shared, *utf::precondition(d2det::test::sharedPresent))

//! Where the programs write: the folders of the cases stay as they are.
const std::string& outputs()
{
    static const TempFolder folder;
    static const std::string path = folder.path();
    return path;
}

//! Runs a program in the folder of a case; before is shell that comes before it, $OUT a folder to write to.
Outcome run(const std::string& id, const std::string& program, const std::string& arguments,
            const std::string& before = "")
{
    for (const auto& entry : fs::directory_iterator(d2det::test::sharedFolder() / "cases"))
        if (contains(entry.path().filename().string(), id + "_"))
            return d2det::test::runShell(outputs(), "export OUT='" + outputs() + "/" + id + "'; cd '" +
                                                        fs::absolute(entry.path()).string() + "' && { " + before +
                                                        command(program, arguments) + "; }");
    BOOST_FAIL("no case " + id);
    return {};
}

//! The folder $OUT of a case.
fs::path outputOf(const std::string& id)
{
    return fs::path(outputs()) / id;
}

//! Statistics of a data set with the class "person".
void checkStats(const std::string& id, const std::string& arguments, int images, int objects = -1)
{
    BOOST_TEST_CONTEXT(arguments)
    {
        const Outcome outcome = run(id, "d2det_dataset", "stats " + arguments);
        BOOST_TEST(outcome.code == 0, outcome.err);
        checkContains(outcome.out, ": " + std::to_string(images) + (images == 1 ? " image, " : " images, "));
        checkContains(outcome.out, ", 1 class;");
        checkContains(outcome.out, "\nperson ");
        if (objects > 0)
            checkContains(outcome.out, ", " + std::to_string(objects) + " instances, ");
    }
}

//! Box AP of results that all are the same ones in other files.
void checkResults(const std::string& id, const std::vector<std::string>& arguments)
{
    for (const std::string& argument : arguments)
        BOOST_TEST_CONTEXT(argument)
    checkBoxes(run(id, "d2det_evaluate", argument), 0.872, 1);
}

BOOST_AUTO_TEST_CASE(f01_exif_turned_images)  // d2det_train: f01_turned_photographs of test_same_rules
{
    const auto measured = [&](const std::string& name) {
        return boxes(
            run("f01", "d2det_evaluate", "-a " + name + "/instances.json -i " + name + "/images -q -m " + MODEL));
    };
    const std::vector<double> upright = measured("upright");
    BOOST_TEST(upright[1] == 1);
    for (const char* const name : {"turned6", "turned3"})
    {
        const std::vector<double> turned = measured(name);
        BOOST_TEST(std::abs(turned[0] - upright[0]) < 0.05, name);
        BOOST_TEST(std::abs(turned[1] - upright[1]) < 0.05, name);
    }
}

BOOST_AUTO_TEST_CASE(f02_roboflow_category_twice)
{
    checkStats("f02", ". --subset train", 3, 6);
    BOOST_TEST(run("f02", "d2det_dataset", "lint . --subset train").code == 0);
}

BOOST_AUTO_TEST_CASE(f03_detect_then_evaluate)
{
    const Outcome detected = run("f03", "d2det_detect",
                                 "-m " + MODEL +
                                     " --score 0.05 --no-pictures -q -o \"$OUT\" images/FudanPed00039.jpg "
                                     "images/FudanPed00073.jpg");
    BOOST_TEST(detected.code == 0, detected.err);
    // -i: the folder images of yolo is a link, which not every copy of the shared data has kept.
    for (const std::string annotations : {"instances.json", "yolo -i images"})
        checkBoxes(run("f03", "d2det_evaluate", "-a " + annotations + " -r \"$OUT/detections.json\""), 0.870, 1, 0.005);
}

BOOST_AUTO_TEST_CASE(f04_video_on_a_full_disk)
{
    // Files end at 64 KiB, as on a disk that is full then.
    const Outcome outcome =
        run("f04", "d2det_detect", "-m " + MODEL + " --score 0.5 --boxes-only -q -o \"$OUT\" base.mp4",
            "bash -c 'trap \"\" XFSZ; ulimit -f 64; exec \"$@\"' - ");
    BOOST_TEST(outcome.code == 1);
    checkContains(outcome.err, "/base.mp4; is the disk full?");
    BOOST_TEST(!fs::exists(outputOf("f04") / "base.mp4"));
}

BOOST_AUTO_TEST_CASE(f05_yolo_lists_of_a_data_yaml)
{
    for (const std::string name : {".", "data.yaml"})
    {
        checkStats("f05", name + " --subset train", 2);
        checkStats("f05", name + " --subset val", 1);
    }
}

BOOST_AUTO_TEST_CASE(f07_byte_order_marks)
{
    checkStats("f07", "bom_classes", 1, 2);
    checkStats("f07", "bom_labels", 3, 6);
    checkStats("f07", "bom_voc --subset train", 3, 6);
    checkStats("f07", "bom_voc_classes", 3, 6);
    checkStats("f07", "utf16_classes", 3, 6);
    BOOST_TEST(boxes(run("f07", "d2det_evaluate", "-q -m " + MODEL + " -a bom_classes"))[1] > 0.9);
}

BOOST_AUTO_TEST_CASE(f08_sahi_results)
{
    checkResults("f08", {"-a instances.json -r plain.json", "-a instances.json -r result.json",
                         "-a instances.json -r result_null.json"});
}

BOOST_AUTO_TEST_CASE(f09_truncated_jpeg)
{
    const Outcome truncated = run("f09", "d2det_dataset", "lint instances.json -i images");
    BOOST_TEST(truncated.code == 1);
    checkContains(truncated.out, "2 errors (truncated-image 2)");
    BOOST_TEST(truncated.err == "");
    const Outcome named = run("f09", "d2det_evaluate", "-a instances.json -i images -q -m " + MODEL);
    const Outcome detected = run("f09", "d2det_detect", "-m " + MODEL + " --no-pictures -q -o \"$OUT\" images");
    for (const std::string& text : {named.err, detected.err})
    {
        size_t count = 0;
        for (size_t at = text.find("is truncated"); at != std::string::npos; at = text.find("is truncated", at + 1))
            count++;
        BOOST_TEST(count == 2U, text);
    }
}

BOOST_AUTO_TEST_CASE(f10_voc_files_silently_missed)
{
    checkStats("f10", "upper", 3, 6);
    checkStats("f10", "nested", 3, 6);
}

BOOST_AUTO_TEST_CASE(f11_voc_names_with_spaces)
{
    checkStats("f11", ". --subset train", 3, 6);
    checkStats("f11", ". --subset val", 3, 6);
}

BOOST_AUTO_TEST_CASE(f14_evaluate_output_checked_late)
{
    for (const std::string option : {"-o", "--report", "--csv"})
    {
        const Outcome outcome =
            run("f14", "d2det_evaluate", "-q -m " + MODEL + " -a instances.json -i images " + option + " nodir/file");
        BOOST_TEST(outcome.code == 1);
        BOOST_TEST(outcome.out == "");  // the model has not run
        checkContains(outcome.err, "nodir/file cannot be created");
    }
}

BOOST_AUTO_TEST_CASE(f15_two_runs_in_one_folder)
{
    const std::string detect = command("d2det_detect", "-m " + MODEL + " -q -o \"$OUT\" images");
    run("f15", "d2det_detect", "-m " + MODEL + " -q -o \"$OUT\" images; wait", detect + " & ");
    std::map<std::string, int> found;
    for (const json& result : json::parse(textOf((outputOf("f15") / "detections.json").string())))
        found[result["file_name"]]++;
    BOOST_TEST(found.size() == 3U);
}

BOOST_AUTO_TEST_CASE(f16_ids_that_are_texts)
{
    checkResults("f16", {"-a plain_gt.json -r plain.json", "-a text_ids.json -r text_ids_results.json",
                         "-a pylabel.json -r plain.json", "-a plain_gt.json -r ultralytics.json"});
}

BOOST_AUTO_TEST_CASE(f19_stray_point_in_an_outline)
{
    const Outcome good = run("f19", "d2det_evaluate", "-a good.json -r results.json");
    checkContains(good.out, "Masks");
    BOOST_TEST(run("f19", "d2det_evaluate", "-a stray.json -r results.json").out == good.out);
}

BOOST_AUTO_TEST_CASE(f20_videos_of_other_extensions)
{
    for (const std::string name : {"cam.m2ts", "cam.h264", "noext"})
    {
        fs::remove_all(outputOf("f20"));
        const Outcome outcome =
            run("f20", "d2det_detect", "-m " + MODEL + " --score 0.0005 --max-frames 2 -q -o \"$OUT\" " + name);
        BOOST_TEST(outcome.code == 0, name << ": " << outcome.err);
        int last = -1;
        for (const json& result : json::parse(textOf((outputOf("f20") / "detections.json").string())))
            last = std::max(last, result["frame"].get<int>());
        BOOST_TEST(last == 1, name);
    }
}

BOOST_AUTO_TEST_CASE(w01_coco_without_sizes)
{
    for (const std::string name : {"no_size", "zero", "null"})
        checkStats("w01", name + ".json -i images", 3, 6);
}

BOOST_AUTO_TEST_CASE(w02_one_orphan_stops_everything)
{
    checkResults("w02", {"-a orphan_image.json -r plain.json", "-a annotation_id_twice.json -r plain.json",
                         "-a image_twice.json -r plain.json"});
    // One of six objects is left out, so the result that found it is wrong.
    BOOST_TEST(boxes(run("w02", "d2det_evaluate", "-a orphan_category.json -r plain.json"))[1] == 0.833,
               tt::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(w04_outline_without_box)
{
    checkResults("w04", {"-a no_box.json -r plain.json", "-a some_boxes_empty.json -r plain.json"});
}

BOOST_AUTO_TEST_CASE(w05_results_with_one_bad_entry)
{
    checkResults("w05", {"-a instances.json -r object.json"});
    for (const std::string file : {"nan_score", "negative_box", "nan_box"})
    {
        const Outcome outcome = run("w05", "d2det_evaluate", "-a instances.json -r " + file + ".json");
        BOOST_TEST(outcome.code == 0, outcome.err);
        checkContains(outcome.out, "1 result left out");
    }
}

BOOST_AUTO_TEST_CASE(w06_lint_misses_normalised_boxes)
{
    checkContains(run("w06", "d2det_dataset", "lint normalised.json -i images").out,
                  "1 warning (fractions-as-pixels 1)");
}

BOOST_AUTO_TEST_CASE(w07_layouts_not_recognised)
{
    for (const char* arguments : {"kaggle", "cvat_yolo", "roboflow_voc --subset val", "fiftyone", "labelme",
                                  "keypoints", "keypoints/annotations/person_keypoints_val2017.json", "darknet_names"})
        checkStats("w07", arguments, 3, 6);
}

BOOST_AUTO_TEST_CASE(w12_other_onnx_models)
{
    const fs::path model = d2det::test::sharedFolder() / "data/peers/yolox_nano.onnx";
    if (fs::exists(model))
    {
        const Outcome outcome =
            run("w12", "d2det_detect", "-m '" + fs::absolute(model).string() + "' -o \"$OUT\" EXPECT.txt");
        BOOST_TEST(outcome.code == 1);
        checkContains(outcome.err, "is an ONNX model, but not a D2Det model");
    }
    const TempFolder folder;
    const std::string pointer = folder.write("model.onnx", "version https://git-lfs.github.com/spec/v1\n");
    const Outcome lfs = run("w12", "d2det_detect", "-m '" + pointer + "' -o \"$OUT\" EXPECT.txt");
    BOOST_TEST(lfs.code == 1);
    checkContains(lfs.err, "git lfs pull");
}

BOOST_AUTO_TEST_SUITE_END()
