// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The program d2det_evaluate, run on images that are painted here: result files and the bundled model. No torch. */

#define BOOST_TEST_MODULE evaluate_program
#include <boost/test/unit_test.hpp>

#include "evaluation/coco_results.hpp"
#include "errors.hpp"
#include "programs.hpp"

#include "coco_keypoints_vectors.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/d2det.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace fs = std::filesystem;
using nlohmann::json;

namespace
{

using d2det::test::contains;
using d2det::test::Outcome;
using d2det::test::textOf;

json annotation(int id, int image, int category, const std::vector<double>& box)
{
    const double x = box[0], y = box[1], w = box[2], h = box[3];
    return {{"id", id},    {"image_id", image}, {"category_id", category},
            {"bbox", box}, {"area", w * h},     {"segmentation", {{x, y, x + w, y, x + w, y + h, x, y + h}}},
            {"iscrowd", 0}};
}

json result(int image, int category, const std::vector<double>& box, double score)
{
    return {{"image_id", image}, {"category_id", category}, {"bbox", box}, {"score", score}};
}

//! A folder with three images, annotations and result files, removed at the end.
struct World
{
    World()
    {
        fs::create_directories(root / "val");
        json coco = {{"images", json::array()},
                     {"annotations",
                      {annotation(1, 1, 3, {10, 10, 40, 30}), annotation(2, 1, 9, {60, 20, 20, 50}),
                       annotation(3, 2, 3, {5, 5, 50, 50})}},
                     {"categories", {{{"id", 3}, {"name", "person"}}, {{"id", 9}, {"name", "<dog> & \"co\""}}}}};
        for (int i = 1; i <= 3; i++)
        {
            const std::string name = std::to_string(i) + ".png";
            cv::Mat image(6, 8, CV_8UC3);
            cv::RNG(i).fill(image, cv::RNG::UNIFORM, 0, 256);
            cv::resize(image, image, cv::Size(120, 90), 0, 0, cv::INTER_CUBIC);
            BOOST_REQUIRE(cv::imwrite((root / "val" / name).string(), image));
            coco["images"].push_back({{"id", i}, {"file_name", name}, {"width", 120}, {"height", 90}});
        }
        write("instances_val.json", coco);
        write("good.json", {result(1, 3, {10, 10, 40, 30}, 0.9), result(1, 9, {60, 20, 20, 50}, 0.8),
                            result(2, 3, {5, 5, 50, 50}, 0.7)});
        write("half.json", json::array({result(1, 3, {10, 10, 40, 30}, 0.9)}));
    }

    void write(const std::string& name, const json& content) const { std::ofstream(root / name) << content; }

    Outcome run(const std::string& arguments) const
    {
        return d2det::test::runShell(root.string(),
                                     "'" + d2det::test::programPath("d2det_evaluate") + "' " + arguments);
    }

    d2det::test::TempFolder folder;
    const fs::path root = folder.path();
};

const std::string ANNOTATIONS = "--annotations instances_val.json ";
const std::string MODEL = "--model '" + std::string(D2DET_SOURCE_DIR) + "/data/models/d2det_mnv2_person.onnx' " +
                          "--threads 1 --short-side 96 --long-side 128 ";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(evaluate_program, World)

BOOST_AUTO_TEST_CASE(summary_of_a_result_file)
{
    const Outcome o = run(ANNOTATIONS + "--results good.json");
    BOOST_TEST(o.code == 0);
    BOOST_TEST(o.err == "");
    BOOST_TEST(contains(o.out, " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 1.000\n"));
    BOOST_TEST(contains(o.out, " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000\n"));
    BOOST_TEST(contains(o.out, "person         1.000        2\n"));
    const Outcome half = run(ANNOTATIONS + "--results half.json");  // one of two persons, no dog: (51 / 101 + 0) / 2
    BOOST_TEST(contains(half.out, "area=   all | maxDets=100 ] = 0.252\n"));
}

BOOST_AUTO_TEST_CASE(comparison_with_report_and_table)
{
    const Outcome o = run(
        ANNOTATIONS + "--results good.json --results 'half.json=half <b>' --report r.html --csv c.csv --title 'x & y'");
    BOOST_TEST(o.code == 0);
    BOOST_TEST(contains(o.out, "half <b>\n"));
    const std::string page = textOf((root / "r.html").string());
    BOOST_TEST(contains(page, "<title>x &amp; y</title>"));
    BOOST_TEST(contains(page, "half &lt;b&gt;"));
    BOOST_TEST(contains(page, "&lt;dog&gt; &amp; &quot;co&quot;"));
    BOOST_TEST(contains(page, "&#8722;0.748"));  // AP 0.252 against 1
    BOOST_TEST(contains(page, "data:image/jpeg;base64,"));
    BOOST_TEST(contains(page, "</html>"));
    BOOST_TEST(!contains(page, "<script"));
    const std::string table = textOf((root / "c.csv").string());
    BOOST_TEST(std::count(table.begin(), table.end(), '\n') == 7);  // head, two times two classes and all
    BOOST_TEST(contains(table, "half <b>,boxes,(all),,0.252475,"));
}

//! d2det_detect over one of the images counts images and classes in its own way.
BOOST_AUTO_TEST_CASE(f03_results_of_a_run_over_a_part)
{
    json found = result(1, 0, {5, 5, 50, 50}, 0.9);
    found["file_name"] = "val/2.png";
    found["category_name"] = "person";
    write("run.json", json::array({found}));
    const std::string ap = "area=   all | maxDets=100 ] = ";
    const Outcome part = run(ANNOTATIONS + "--results run.json --report r.html");
    BOOST_TEST(part.code == 0);
    BOOST_TEST(contains(part.out, "IoU=0.50:0.95 | " + ap + "1.000"));
    BOOST_TEST(contains(part.out, "measured on the 1 of 3 images that the run was over"));
    BOOST_TEST(contains(part.out, "AP 0.252"));
    found["image_id"] = 2;  // the ids of the annotations: results for all images
    write("run.json", json::array({found}));
    const Outcome all = run(ANNOTATIONS + "--results run.json");
    BOOST_TEST(contains(all.out, "IoU=0.50:0.95 | " + ap + "0.252"));
    BOOST_TEST(contains(all.out, "1 of 3 images have results"));
    BOOST_TEST(contains(all.out, "AP 1.000"));
    found["file_name"] = "elsewhere.png";
    write("run.json", json::array({found}));
    const Outcome foreign = run(ANNOTATIONS + "--results run.json");
    BOOST_TEST(foreign.code == 1);
    BOOST_TEST(contains(foreign.err, "none of its images (\"elsewhere.png\""));
}

BOOST_AUTO_TEST_CASE(result_files_need_no_images)
{
    fs::remove_all(root / "val");
    const Outcome o = run(ANNOTATIONS + "--results good.json --report r.html");
    BOOST_TEST(o.code == 0);
    BOOST_TEST(contains(o.out, "= 1.000"));
    const std::string page = textOf((root / "r.html").string());
    BOOST_TEST(contains(page, "</html>"));
    BOOST_TEST(!contains(page, "data:image/jpeg"));
}

BOOST_AUTO_TEST_CASE(masks_of_a_result_file)
{
    json results = json::parse(textOf((root / "good.json").string()));
    for (json& r : results)
    {
        cv::Mat1b mask(90, 120, uchar(0));
        mask(cv::Rect(r["bbox"][0], r["bbox"][1], r["bbox"][2], r["bbox"][3])).setTo(1);
        r["segmentation"] = {{"size", {90, 120}}, {"counts", cv::d2det::rleToString(cv::d2det::rleEncode(mask))}};
    }
    write("masks.json", results);
    const Outcome o = run(ANNOTATIONS + "--results masks.json --report r.html");
    BOOST_TEST(o.code == 0);
    const size_t masks = o.out.find("Masks\n");
    BOOST_REQUIRE(masks != std::string::npos);
    BOOST_TEST(contains(o.out.substr(masks), "area=   all | maxDets=100 ] = 1.000"));
    BOOST_TEST(contains(textOf((root / "r.html").string()), "masks, masks"));

    results[0]["segmentation"]["size"] = {120, 90};  // of another image
    write("masks.json", results);
    BOOST_TEST(run(ANNOTATIONS + "--results masks.json").code == 1);
}

//! COCO's files for the numbers that pycocotools gave.
BOOST_AUTO_TEST_CASE(keypoints_of_a_result_file)
{
    for (const d2det_test::CocoKeypointsVector& vector : d2det_test::cocoKeypointsVectors())
    {
        json coco = {{"images", json::array()}, {"annotations", json::array()}, {"categories", json::array()}};
        for (const int image : vector.images)
            coco["images"].push_back(
                {{"id", image}, {"file_name", std::to_string(image) + ".png"}, {"width", 800}, {"height", 800}});
        std::vector<std::string> names;
        for (int i = 0; i < vector.points; i++)
            names.push_back("p" + std::to_string(i));
        for (const int category : vector.categories)
            coco["categories"].push_back(
                {{"id", category}, {"name", "class " + std::to_string(category)}, {"keypoints", names}});
        coco["categories"].push_back({{"id", 99}, {"name", "without points"}});
        for (const std::vector<double>& o : vector.objects)
        {
            json a = annotation(static_cast<int>(coco["annotations"].size()) + 1, static_cast<int>(o[0]),
                                static_cast<int>(o[1]), {o[2], o[3], o[4], o[5]});
            a["area"] = o[6];
            a["iscrowd"] = static_cast<int>(o[7]);
            a["num_keypoints"] = static_cast<int>(o[8]);
            a["keypoints"] = std::vector<double>(o.begin() + 9, o.end());
            coco["annotations"].push_back(a);
        }
        json results = json::array();
        for (const std::vector<double>& d : vector.detections)
        {
            json points = json::array();
            for (size_t i = 7; i < d.size(); i += 2)
                points.insert(points.end(), {d[i], d[i + 1], 1});
            results.push_back({{"image_id", static_cast<int>(d[0])},
                               {"category_id", static_cast<int>(d[1])},
                               {"score", d[2]},
                               {"keypoints", points}});
            if (d[5] > 0)
                results.back()["bbox"] = std::vector<double>(d.begin() + 3, d.begin() + 7);
        }
        write("points.json", coco);
        write("found.json", results);
        std::string sigmas;
        for (const double sigma : vector.sigmas)
            sigmas += (sigmas.empty() ? " --keypoint-sigmas " : ",") + std::to_string(sigma);
        const std::string command = "--annotations points.json --results found.json";
        const Outcome o = run(command + sigmas + " --report r.html");
        BOOST_TEST_CONTEXT(vector.name << ": " << o.out << o.err)
        {
            BOOST_TEST(o.code == 0);
            const char* const lines[] = {"Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all",
                                         "Average Precision  (AP) @[ IoU=0.50      | area=   all",
                                         "Average Precision  (AP) @[ IoU=0.75      | area=   all",
                                         "Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium",
                                         "Average Precision  (AP) @[ IoU=0.50:0.95 | area= large",
                                         "Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all",
                                         "Average Recall     (AR) @[ IoU=0.50      | area=   all",
                                         "Average Recall     (AR) @[ IoU=0.75      | area=   all",
                                         "Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium",
                                         "Average Recall     (AR) @[ IoU=0.50:0.95 | area= large"};
            for (size_t i = 0; i < 10; i++)
                BOOST_TEST(contains(o.out, cv::format(" %s | maxDets= 20 ] = %.3f\n", lines[i], vector.summary[i])));
            BOOST_TEST(contains(textOf((root / "r.html").string()), "keypoints (OKS)"));
            BOOST_TEST(!contains(o.out, "note: "));
        }
        const Outcome wrong = run(command + " --keypoint-sigmas 0.1,0.2");
        BOOST_TEST(wrong.code == 1);
        BOOST_TEST(contains(wrong.err, "there are 2 sigmas of keypoints, but the class"));
        BOOST_TEST(run(command + " --keypoint-sigmas 0.1,x").code == 2);
        for (json& result : results)
            result["keypoints"].push_back(0);
        write("found.json", results);  // with a number too many: the box, if there is one, is what is left
        const Outcome tooMany = run(command);
        if (results[0].count("bbox"))
            BOOST_TEST(
                contains(tooMany.out, "note: 18 results without keypoints: result 0: \"keypoints\" has 10 numbers"));
        else
            BOOST_TEST(contains(tooMany.err, "result 0: \"keypoints\" has"));
        BOOST_TEST(tooMany.code == (results[0].count("bbox") ? 0 : 1));
        for (size_t i = 0; i < results.size(); i++)
        {
            results[i]["keypoints"] = std::vector<double>(i % 2 ? 3 : 0, 1.);
            results[i]["bbox"] = {1, 2, 3, 4};
        }
        write("found.json", results);
        const Outcome other = run(command);
        BOOST_TEST(other.code == 0);
        BOOST_TEST(contains(other.out, "with another number of keypoints than their class has"));
        BOOST_TEST(contains(other.out, "without keypoints, which count for boxes only"));
    }
    json points = result(1, 3, {10, 10, 40, 30}, 0.9);  // nothing to compare with
    points["keypoints"] = {1, 2, 3};
    write("points.json", json::array({points}));
    const Outcome none = run(ANNOTATIONS + "--results points.json");
    BOOST_TEST(none.code == 0);
    BOOST_TEST(contains(none.out, "keypoints are not measured: the annotations have none"));
    BOOST_TEST(!contains(none.out, "Keypoints\n"));
}

BOOST_AUTO_TEST_CASE(the_model_and_its_own_results_agree)
{
    const Outcome model = run(MODEL + ANNOTATIONS + "--images val --score 0.0005 --output d.json --report r.html");
    BOOST_TEST(model.code == 0);
    BOOST_TEST(contains(model.out, "mean ms "));
    BOOST_TEST(contains(model.out, "1 annotated classes are unknown to the model"));
    BOOST_REQUIRE(!d2det::readCocoResults((root / "d.json").string()).empty());
    BOOST_TEST(contains(textOf((root / "r.html").string()), "Time per image"));
    const Outcome both =
        run(MODEL + ANNOTATIONS + "--images val --score 0.0005 --results d.json=file --csv c.csv --report r.html");
    BOOST_TEST(both.code == 0);
    std::istringstream table(textOf((root / "c.csv").string()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(table, line);)
        lines.push_back(line.substr(line.find(',') + 1));
    BOOST_REQUIRE(lines.size() == 9u);  // boxes and masks: the class and all of them, of the model and of its results
    for (size_t i = 1; i <= 4; i++)
        BOOST_TEST(lines[i] == lines[i + 4]);
}

//! Two processes share the images; their results together are measured like those of one.
BOOST_AUTO_TEST_CASE(parts_together_are_the_whole)
{
    const std::string command = MODEL + ANNOTATIONS + "--images val --score 0.0005 -q ";
    const Outcome whole = run(command + "--output whole.json");
    BOOST_TEST(whole.code == 0, whole.err);
    for (const char* part : {"1/2", "2/2"})
    {
        const Outcome o = run(command + "--part " + part + " --output part" + part[0] + ".json");
        BOOST_TEST(o.code == 0, o.err);
        BOOST_TEST(
            contains(o.out, std::string("part ") + part[0] + " of 2: " + (part[0] == '1' ? "2" : "1") + " images"));
    }
    const auto resultsOf = [&](const std::string& name) { return json::parse(textOf((root / name).string())); };
    std::set<std::string> parts, all;
    for (const char* name : {"part1.json", "part2.json"})
        for (const json& r : resultsOf(name))
        {
            parts.insert(r.dump());
            BOOST_TEST((r["image_id"] == 2) == (std::string(name) == "part2.json"));
        }
    for (const json& r : resultsOf("whole.json"))
        all.insert(r.dump());
    BOOST_TEST(!all.empty());
    BOOST_TEST((parts == all));
    const Outcome merged = run(ANNOTATIONS + "--results part1.json,part2.json=x --results whole.json=x --csv c.csv");
    BOOST_TEST(merged.code == 0, merged.err);
    std::istringstream table(textOf((root / "c.csv").string()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(table, line);)
        lines.push_back(line.substr(line.find(',') + 1));
    BOOST_REQUIRE(lines.size() % 2 == 1);
    const size_t half = lines.size() / 2;
    BOOST_TEST(half >= 4u);
    for (size_t i = 1; i <= half; i++)
        BOOST_TEST(lines[i] == lines[i + half]);
    // A file whose name has a comma is one file.
    fs::rename(root / "whole.json", root / "a,b.json");
    BOOST_TEST(run(ANNOTATIONS + "--results a,b.json").code == 0);
    BOOST_TEST(contains(run(ANNOTATIONS + "--results part1.json,none.json").err, "none.json"));
    for (const char* wrong : {"0/2", "3/2", "1", "1/2x", "-1/-1", ""})
        BOOST_TEST(contains(run(command + "--part '" + wrong + "'").err, "it must be I/N"), wrong);
    BOOST_TEST(run(ANNOTATIONS + "--results part1.json --part 1/2").code == 2);
}

//! A wrong output is found before the model runs, and what cannot be written does not cost the numbers.
BOOST_AUTO_TEST_CASE(f14_outputs_that_cannot_be_written)
{
    for (const char* option : {"--output", "--csv", "--report", "--write-operating-score"})
    {
        const Outcome o = run(MODEL + ANNOTATIONS + "--images val " + option + " none/file");
        BOOST_TEST_CONTEXT(option << ": " << o.err)
        {
            BOOST_TEST(o.code == 1);
            BOOST_TEST(o.out == "");
            BOOST_TEST(contains(o.err, "none/file cannot be created"));
        }
        BOOST_TEST(contains(run(MODEL + ANNOTATIONS + "--images val " + option + " val").err, "it is a folder"));
    }
    // As on a full disk: the JSON does not fit, the table does.
    const std::string program = d2det::test::programPath("d2det_evaluate");
    const Outcome full =
        d2det::test::runShell(root.string(), "trap '' XFSZ; ulimit -f 4; '" + program + "' " + MODEL + ANNOTATIONS +
                                                 "--images val --score 0.0005 --output d.json --csv c.csv");
    BOOST_TEST(full.code == 1);
    BOOST_TEST(contains(full.err, "d.json cannot be written"), full.err);
    BOOST_TEST(contains(full.out, "Average Precision"));
    BOOST_TEST(fs::exists(root / "c.csv"));
    BOOST_TEST(!fs::exists(root / "d.json"));
    for (const auto& entry : fs::directory_iterator(root))
        BOOST_TEST(!contains(entry.path().filename().string(), ".tmp"), entry.path());
    BOOST_TEST(run(ANNOTATIONS + "--results good.json > /dev/full").code == 1);
}

BOOST_AUTO_TEST_CASE(operating_score)
{
    const Outcome o = run(MODEL + ANNOTATIONS +
                          "--images val --score 0.0005 --operating-score 0.25 "
                          "--write-operating-score scored.onnx");
    BOOST_TEST(o.code == 0, o.err);
    BOOST_TEST(contains(o.out, "operating score 0.2500, written to scored.onnx"), o.out);
    const Outcome again = run("--model scored.onnx " + ANNOTATIONS +
                              "--images val --operating-score 0.75 "
                              "--write-operating-score scored.onnx -q");
    BOOST_TEST(again.code == 0, again.err);
    BOOST_TEST(run(ANNOTATIONS + "--results good.json --write-operating-score scored.onnx").code == 2);
    const Outcome classes = run(MODEL + ANNOTATIONS +
                                "--images val --score 0.0005 --operating-score 0.25 --per-class "
                                "--write-operating-score classes.onnx -q");
    BOOST_TEST(classes.code == 0, classes.err);
    BOOST_TEST(contains(classes.out, "\n  person "), classes.out);
    const cv::Ptr<cv::d2det::Detector> detector = cv::d2det::Detector::create((root / "classes.onnx").string());
    BOOST_TEST(detector->getOperatingScores().size() == detector->getClassNames().size());
    BOOST_TEST(detector->getOperatingScore() == 0.25f);
    BOOST_TEST(run(MODEL + ANNOTATIONS + "--images val --per-class").code == 2);
}

//! Masks take time and memory: none where nothing is compared with them.
BOOST_AUTO_TEST_CASE(w09_no_masks_without_outlines)
{
    json coco = json::parse(textOf((root / "instances_val.json").string()));
    for (json& object : coco["annotations"])
        object.erase("segmentation");
    write("boxes.json", coco);
    const std::string command = MODEL + "--annotations boxes.json --images val --score 0.0005 ";
    const Outcome plain = run(command);
    BOOST_TEST(plain.code == 0, plain.err);
    BOOST_TEST(!contains(plain.out, "Masks"));
    BOOST_TEST(run(command + "--output d.json").code == 0);
    BOOST_TEST(!d2det::readCocoResults((root / "d.json").string())[0].mask.empty());
}

BOOST_AUTO_TEST_CASE(interrupt)
{
    const std::string program = "'" + d2det::test::programPath("d2det_evaluate") + "' ";
    json coco = json::parse(textOf((root / "instances_val.json").string()));
    for (int i = 10; i < 2000; i++)
    {
        coco["images"].push_back(coco["images"][0]);
        coco["images"].back()["id"] = i;
    }
    write("many.json", coco);
    const Outcome o = d2det::test::runShell(root.string(), program + MODEL +
                                                               "--annotations many.json --images val --output d.json & "
                                                               "pid=$!; sleep 2; kill -INT $pid; wait $pid");
    BOOST_TEST(o.code == 130, o.err);
    BOOST_TEST(o.out == "");
    BOOST_TEST(!fs::exists(root / "d.json"));
}

BOOST_AUTO_TEST_CASE(wrong_command_lines)
{
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "d2det_evaluate --model FILE"},
        {"--results good.json", "--annotations is missing"},
        {ANNOTATIONS, "--model is missing"},
        {ANNOTATIONS + "--results good.json --output x.json", "--output needs --model"},
        {ANNOTATIONS + "--results good.json --nms 0.5", "--nms needs --model"},
        {ANNOTATIONS + "--results good.json --pictures 13", "--pictures is 13"},
        {ANNOTATIONS + "--results good.json --operating-score nan", "--operating-score is nan"},
        {ANNOTATIONS + "--results", "results"},
        {ANNOTATIONS + "--results good.json --nonsense", "nonsense"},
        {ANNOTATIONS + "--results good.json stray", "positional"},
        {ANNOTATIONS + "-r good.json -r good.json -r good.json -r good.json -r good.json -r good.json -r good.json",
         "too many"}};
    for (const auto& c : cases)
    {
        const Outcome o = run(c.first);
        BOOST_TEST_CONTEXT(c.first)
        {
            BOOST_TEST(o.code == 2);
            BOOST_TEST_INFO(o.err);
            BOOST_TEST(contains(o.err, c.second));
            BOOST_TEST((c.first.empty() || std::count(o.err.begin(), o.err.end(), '\n') == 1));
        }
    }
    const Outcome help = run("--help");
    BOOST_TEST(help.code == 0);
    BOOST_TEST(contains(help.out, "--report"));
}

BOOST_AUTO_TEST_CASE(what_does_not_work_is_one_line)
{
    write("foreign.json", json::array({result(77, 3, {1, 2, 3, 4}, 0.5)}));
    std::ofstream(root / "broken.json") << "[{\"image_id\": 1, ";
    const std::vector<std::pair<std::string, std::string>> cases = {
        {ANNOTATIONS + "--results missing.json", "missing.json"},
        {ANNOTATIONS + "--results broken.json", "not valid JSON"},
        {ANNOTATIONS + "--results foreign.json", "does the file belong"},
        {ANNOTATIONS + "--results instances_val.json", "annotations"},
        {ANNOTATIONS + "--results good.json --report none/r.html", "none/r.html cannot be created"},
        {ANNOTATIONS + "--results good.json --csv none/r.csv", "none/r.csv cannot be created"},
        {ANNOTATIONS + "--results good.json --subset nonsense", ""},
        {"--annotations missing.json --results good.json", "missing.json"},
        {"--annotations good.json --results good.json", "good.json"},
        {"--model broken.json " + ANNOTATIONS + "--images val", "broken.json"}};
    for (const auto& c : cases)
    {
        const Outcome o = run(c.first);
        BOOST_TEST_CONTEXT(c.first + ": " + o.err)
        {
            BOOST_TEST(o.code == 1);
            BOOST_TEST(contains(o.err, c.second));
            BOOST_TEST(std::count(o.err.begin(), o.err.end(), '\n') == 1);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
