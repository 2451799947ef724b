// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the trainer and the programs must answer alike: the pixels of annotated photographs with an Exif orientation
   tag, and the average precision of one model on one data set. */

#define BOOST_TEST_MODULE same_rules
#include <boost/test/unit_test.hpp>

#include "base/contours.hpp"
#include "config/config.hpp"
#include "dataset/image_source.hpp"
#include "dataset/lint.hpp"
#include "engine/checkpoint.hpp"
#include "engine/loader.hpp"
#include "engine/validation.hpp"
#include "exif_jpeg.hpp"
#include "export/exporter.hpp"
#include "shared_data.hpp"
#include "errors.hpp"
#include "programs.hpp"

#include <opencv2/d2det/detector.hpp>
#include <opencv2/d2det/masks.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <regex>

using nlohmann::json;
using namespace d2det;
using d2det::test::contains;
using d2det::test::Outcome;
using d2det::test::runProgram;
using d2det::test::TempFolder;
using d2det::test::writeExifJpeg;

namespace
{

const std::string BUNDLED = std::string(D2DET_SOURCE_DIR) + "/data/models/d2det_mnv2_person";

//! An image as it lies in the file, its tag, and the same turned upright.
struct Photograph
{
    int orientation = 1;
    cv::Mat upright;

    cv::Mat stored() const
    {
        if (orientation == 1)
            return upright;
        cv::Mat turned;
        cv::rotate(upright, turned, orientation == 3 ? cv::ROTATE_180 : cv::ROTATE_90_COUNTERCLOCKWISE);
        return turned;
    }

    void write(const std::string& path) const
    {
        writeExifJpeg(path, stored(), orientation);
        cv::Mat read = cv::imread(path);
        BOOST_REQUIRE(read.size() == upright.size());
        cv::absdiff(read, upright, read);
        BOOST_REQUIRE(cv::mean(read)[0] < 10);
    }
};

json imageEntry(int id, const std::string& name, cv::Size size)
{
    return {{"id", id}, {"file_name", name}, {"width", size.width}, {"height", size.height}};
}

json annotationEntry(int id, int image, const cv::Rect2d& box)
{
    return {{"id", id},           {"image_id", image},
            {"category_id", 1},   {"bbox", {box.x, box.y, box.width, box.height}},
            {"area", box.area()}, {"iscrowd", 0}};
}

json cocoFile(const json& images, const json& annotations)
{
    return {{"images", images}, {"annotations", annotations}, {"categories", {{{"id", 1}, {"name", "person"}}}}};
}

// ------------------------------------------------------------------ pixels
//! Three photographs with one bright rectangle each, which the annotations name.
struct Album
{
    Album()
    {
        const cv::Rect box(70, 12, 30, 20);
        cv::Mat upright(80, 120, CV_8UC3, cv::Scalar::all(20));
        cv::rectangle(upright, box, cv::Scalar::all(235), cv::FILLED);
        Photograph quarter{6, upright}, half{3, upright};
        quarter.write(folder / "quarter.jpg");
        half.write(folder / "half.jpg");
        quarter.write(folder / "stored.jpg");  // annotated in the pixels as they are stored, 80 x 120
        const cv::Rect inStored(box.y, 120 - box.br().x, box.height, box.width);
        BOOST_REQUIRE(std::abs(cv::mean(quarter.stored()(inStored))[0] - 235) < 0.01);
        boxes = {box, box, inStored};
        const json images = {imageEntry(1, "quarter.jpg", upright.size()), imageEntry(2, "half.jpg", upright.size()),
                             imageEntry(3, "stored.jpg", quarter.stored().size())};
        json annotations = json::array(), results = json::array();
        for (int i = 0; i < 3; i++)
        {
            annotations.push_back(annotationEntry(i + 1, i + 1, boxes[static_cast<size_t>(i)]));
            results.push_back({{"image_id", i + 1}, {"category_id", 1}, {"score", 0.9}});
            results.back()["bbox"] = annotations.back()["bbox"];
        }
        path = folder.write("instances.json", cocoFile(images, annotations).dump());
        folder.write("results.json", results.dump());
    }

    TempFolder folder;
    std::string path;
    std::vector<cv::Rect> boxes;
};

//! Pixels brighter than the middle of the two levels.
cv::Rect brightPart(const cv::Mat& image)
{
    cv::Mat gray;
    cv::extractChannel(image, gray, 0);
    return cv::boundingRect(gray > 128);
}

void checkPart(const cv::Rect2d& found, const cv::Rect2d& expected, const std::string& who)
{
    const double both = (found & expected).area();
    BOOST_TEST(both / (found.area() + expected.area() - both) > 0.85,
               who << ": the rectangle is not where it should be");
}

ModelConfig tinyModel()
{
    ModelConfig model = loadConfig(std::string(D2DET_SOURCE_DIR) + "/training/configs/d2det_mnv2_person.json").model;
    model.classNames = {"person"};
    model.input.shortSide = 80;
    model.input.longSide = 120;
    return model;
}

std::vector<unsigned char> decodeBase64(const std::string& text)
{
    static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<unsigned char> bytes;
    unsigned bits = 0, count = 0;
    for (const char c : text)
    {
        if (c == '=')
            break;
        bits = bits << 6 | static_cast<unsigned>(digits.find(c));
        count += 6;
        if (count >= 8)
            bytes.push_back(static_cast<unsigned char>(bits >> (count -= 8)));
    }
    return bytes;
}

// ------------------------------------------------------------------ average precision
const cv::Size IMAGE_SIZE(160, 120);

cv::Mat blobs(int seed)
{
    cv::Mat image(9, 12, CV_8UC3);
    cv::RNG(static_cast<uint64_t>(seed)).fill(image, cv::RNG::UNIFORM, 0, 256);
    cv::resize(image, image, IMAGE_SIZE, 0, 0, cv::INTER_CUBIC);
    return image;
}

//! Numbers of "= 0.718" at the ends of the lines.
std::vector<double> numbersOf(const std::string& text)
{
    static const std::regex number("\\] = (-?[0-9.]+)\n");
    std::vector<double> numbers;
    for (std::sregex_iterator match(text.begin(), text.end(), number), end; match != end; match++)
        numbers.push_back(std::stod((*match)[1]));
    return numbers;
}

/** The bundled model on small images: what it finds there, moved a little, is the ground truth of a data set in which
    one image has no objects, one lacks the outline of an object, one is not of the annotated size and some are
    photographs that have to be turned. */
struct Comparison
{
    Comparison()
    {
        config = loadConfig(std::string(D2DET_SOURCE_DIR) + "/training/configs/d2det_mnv2_person_final.json");
        config.model.classNames = {"person"};
        config.model.input.shortSide = 120;
        config.model.input.longSide = 160;
        config.model.test.scoreThreshold = 0.02f;
        model = Detector(config.model);
        restoreModel(*model, modelWeights(readSafetensors(BUNDLED + ".safetensors")));
        model->eval();
        exportOnnx(model, folder / "model.onnx");
        detector = cv::d2det::Detector::create(folder / "model.onnx");
        for (int id = 1; id <= 12; id++)
            addImage(id);
        path = folder.write("instances.json", cocoFile(images, annotations).dump());
    }

    void addImage(int id)
    {
        Photograph photograph{id == WRONG_SIZE ? 1 : id % 3 == 0 ? 6 : id % 3 == 1 ? 3 : 1, blobs(id)};
        const std::string name = std::to_string(id) + ".jpg";
        writeExifJpeg(folder / name, photograph.stored(), photograph.orientation);
        images.push_back(imageEntry(id, name, IMAGE_SIZE));
        if (id == WRONG_SIZE)
            images.back()["width"] = IMAGE_SIZE.width + 1;
        cv::Mat found;
        std::vector<cv::Mat> masks;
        detector->segment(cv::imread(folder / name), found, masks);
        falsePositives += id == EMPTY ? found.rows : 0;
        for (int i = 0; i < std::min(found.rows, 4) && id != EMPTY; i++)
        {
            const float* const d = found.ptr<float>(i);
            const double shift = i % 2 == 0 ? 0 : 0.1;  // of the box: an IoU of some thresholds
            const cv::Rect2d box(d[0] + shift * (d[2] - d[0]), d[1], d[2] - d[0], d[3] - d[1]);
            annotations.push_back(annotationEntry(static_cast<int>(annotations.size()) + 1, id, box));
            if (id == MASKLESS && i == 0)
                continue;
            const cv::Mat shifted = cv::Mat::zeros(masks[static_cast<size_t>(i)].size(), CV_8U);
            const int columns = cvRound(shift * box.width);
            masks[static_cast<size_t>(i)]
                .colRange(0, shifted.cols - columns)
                .copyTo(shifted.colRange(columns, shifted.cols));
            const cv::d2det::Rle rle = cv::d2det::rleEncode(shifted);
            annotations.back()["segmentation"] = {{"size", {rle.height, rle.width}},
                                                  {"counts", cv::d2det::rleToString(rle)}};
        }
    }

    static constexpr int EMPTY = 2, MASKLESS = 5, WRONG_SIZE = 8;
    TempFolder folder;
    Config config;
    Detector model = nullptr;
    cv::Ptr<cv::d2det::Detector> detector;
    json images = json::array(), annotations = json::array();
    std::string path;
    int falsePositives = 0;
};

//! @param tolerance beyond the rounding of the program, which prints three decimals.
void checkClose(const std::vector<double>& trainer, const double* program, double tolerance, const char* what)
{
    BOOST_REQUIRE_EQUAL(trainer.size(), 12u);
    for (size_t i = 0; i < 12; i++)
        BOOST_TEST(std::abs(trainer[i] - program[i]) < 0.00051 + tolerance, what << " number " << i << ": "
                                                                                 << trainer[i] << " of the trainer, "
                                                                                 << program[i] << " of the program");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(photographs)

BOOST_AUTO_TEST_CASE(source_and_loader)
{
    const Album album;
    const Dataset dataset = readDataset(album.path, album.folder.path());
    ImageSource source(dataset.images, 0, 3, 0);
    for (size_t i = 0; i < 3; i++)
        checkPart(brightPart(source.read(static_cast<int64_t>(i))), album.boxes[i], "image source");

    DataConfig config;
    config.shortSides = {80};
    config.longSide = 120;
    config.flip = 0;
    config.workers = 0;
    InputConfig input;
    input.shortSide = 80;
    input.longSide = 120;
    DataLoader loader(dataset, config, input, 1, 1, 0, LoaderOptions::onePass());
    Batch batch;
    int count = 0;
    for (; loader.next(batch); count++)
    {
        const torch::Tensor first = batch.images.images[0][0] * input.std[0] + input.mean[0];
        const torch::Tensor pixels = first.contiguous();
        const cv::Mat image(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_32F,
                            pixels.data_ptr<float>());
        const float* const box = batch.targets[0].boxes.tensor().data_ptr<float>();
        checkPart(brightPart(image), cv::Rect2d(box[0], box[1], box[2] - box[0], box[3] - box[1]), "loader");
    }
    BOOST_TEST(count == 3);
}

BOOST_AUTO_TEST_CASE(validation)
{
    const Album album;
    Detector model(tinyModel());
    const Dataset dataset = readDataset(album.path, album.folder.path());
    size_t shown = 0;
    const auto show = [&](const ImageRecord&, const ImageResult& result)
    { checkPart(brightPart(result.image), album.boxes[shown++], "validation"); };
    const Evaluation evaluation = evaluate(model, dataset, 0, {}, {{0, 1, 2}, show});
    BOOST_TEST(evaluation.unreadable == 0);
    BOOST_TEST(shown == 3u);
}

BOOST_AUTO_TEST_CASE(lint_finds_nothing)
{
    const Album album;
    for (const bool decode : {true, false})
    {
        const LintReport report = lint(readRaw(album.path, album.folder.path(), {}), {decode});
        BOOST_TEST(report.findings.empty(), (report.findings.empty() ? "" : report.findings[0].message));
    }
}

//! The images of the report, as an HTML page carries them: the annotated box frames the bright part.
BOOST_AUTO_TEST_CASE(report)
{
    const Album album;
    const Outcome outcome = runProgram(album.folder, "d2det_evaluate",
                                       "-a instances.json -i . -r results.json --report r.html --pictures 3");
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const std::string page = d2det::test::textOf(album.folder / "r.html");
    static const std::regex source("data:image/jpeg;base64,([A-Za-z0-9+/=]+)");
    size_t count = 0;
    for (std::sregex_iterator match(page.begin(), page.end(), source), end; match != end; ++match, count++)
    {
        const cv::Mat image = cv::imdecode(decodeBase64((*match)[1]), cv::IMREAD_COLOR);
        const bool wide = image.cols > image.rows;
        const cv::Rect2d expected = album.boxes[wide ? 0 : 2];
        const cv::Point inside = cv::Point(expected.br()) - cv::Point(7, 7);  // labels are drawn at the other corner
        BOOST_TEST(image.at<cv::Vec3b>(inside)[0] > 200);
        BOOST_TEST(image.at<cv::Vec3b>(image.rows - 5, image.cols - 5)[0] < 60);
    }
    BOOST_TEST(count >= 6u);  // annotated and detected, of three images
}

BOOST_AUTO_TEST_CASE(contact_sheet)
{
    const Album album;
    const Outcome outcome =
        runProgram(album.folder, "d2det_dataset", "show instances.json -i . -o sheet.png -n 3 --columns 3 --cell 120");
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const cv::Mat sheet = cv::imread(album.folder / "sheet.png");
    for (int i = 0; i < 3; i++)
    {
        const cv::Size size = i < 2 ? cv::Size(120, 80) : cv::Size(80, 120);
        const int left = 10 + i * 130 + (120 - size.width) / 2, top = 10 + 22;  // gap and caption of contact_sheet.cpp
        const cv::Rect box = album.boxes[static_cast<size_t>(i)];
        const cv::Point inside = box.br() + cv::Point(left - 4, top - 4);  // labels are drawn at the other corner
        BOOST_TEST(sheet.at<cv::Vec3b>(inside)[0] > 200, i);
        BOOST_TEST(sheet.at<cv::Vec3b>(cv::Point(left + size.width - 4, top + size.height - 4))[0] < 60, i);
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(trainer_and_program_measure_the_same)
{
    Comparison comparison;
    BOOST_REQUIRE(comparison.falsePositives > 0);
    ReadOptions reading;
    reading.keepSegmentation = true;
    reading.clipBoxes = false;
    const Dataset dataset = readDataset(comparison.path, comparison.folder.path(), reading);
    const Evaluation trainer = evaluate(comparison.model, dataset, 0.1, {});
    BOOST_TEST(trainer.unreadable == 1);
    BOOST_REQUIRE_EQUAL(trainer.maskSummary.size(), 12u);
    for (const double ap : {trainer.summary[0], trainer.maskSummary[0]})
        BOOST_TEST((ap > 0.1 && ap < 0.9), "an AP of " << ap << " hides differences");

    const Outcome program =
        runProgram(comparison.folder, "d2det_evaluate",
                   "-m model.onnx -a instances.json -i . --score 0.02 --short-side 120 --long-side 160");
    BOOST_REQUIRE_MESSAGE(program.code == 0, program.err);
    BOOST_TEST(program.err.find("8.jpg: it has 160x120 pixels, its annotation says 161x120") != std::string::npos,
               program.err);
    const std::vector<double> numbers = numbersOf(program.out);
    BOOST_REQUIRE_EQUAL(numbers.size(), 24u);
    checkClose(trainer.summary, numbers.data(), 0, "box");
    // A pixel whose probability is 0.5 may fall to either side, as the program's boxes are floats and the trainer's
    // doubles. That can turn one object at one of ten IoU thresholds (measured: two of the recalls differ by that).
    const double oneMatch = 1. / (10 * static_cast<double>(comparison.annotations.size() / 2));
    checkClose(trainer.maskSummary, numbers.data() + 12, oneMatch, "mask");

    // The false positives of the image without objects count, for masks as for boxes; more than could be overlooked
    // above.
    Dataset smaller = dataset;
    smaller.images.erase(smaller.images.begin() + Comparison::EMPTY - 1);
    const Evaluation without = evaluate(comparison.model, smaller, 0.1, {});
    BOOST_TEST(without.summary[0] > trainer.summary[0] + 0.001);
    BOOST_TEST(without.maskSummary[0] > trainer.maskSummary[0] + 0.001 + oneMatch);
}

//! One frame for all programs: help, version, what a wrong command line gives.
BOOST_AUTO_TEST_CASE(programs_have_one_frame)
{
    const TempFolder folder;
    for (const std::string name : {"d2det_train", "d2det_export", "d2det_import", "d2det_evaluate", "d2det_detect",
                                   "d2det_dataset", "d2det_benchmark"})
    {
        const std::string command = name == "d2det_dataset" ? "stats " : "";
        const Outcome help = runProgram(folder, name, command + "--help");
        BOOST_TEST(help.code == 0, name);
        BOOST_TEST(help.err == "", name);
        for (const char* part : {"  -h [ --help ]", "  --version"})
            BOOST_TEST(contains(help.out, part), name << " lacks " << part);
        BOOST_TEST(!contains(help.out, " arg "), name << ": a value without a name");

        const Outcome version = runProgram(folder, name, "--version");
        BOOST_TEST(version.code == 0, name);
        BOOST_TEST(version.out.find(name + " ") == 0u, version.out);
        BOOST_TEST(contains(version.out, std::string(" (OpenCV ") + CV_VERSION + ")\n"), version.out);

        const Outcome nothing = runProgram(folder, name, "");
        BOOST_TEST(nothing.code == 2, name);
        BOOST_TEST(nothing.out == "", name);
        BOOST_TEST(contains(nothing.err, "--help"), nothing.err);

        const Outcome wrong = runProgram(folder, name, command + "--nonsense");
        BOOST_TEST(wrong.code == 2, name);
        BOOST_TEST(wrong.err.find(name + ": ") == 0u, wrong.err);
        BOOST_TEST(contains(wrong.err, "(see " + name + " --help)\n"), wrong.err);
        BOOST_TEST(std::count(wrong.err.begin(), wrong.err.end(), '\n') == 1, wrong.err);
    }
}

BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(d2det::test::sharedPresent))

//! Photographs from the field: the tag must not change what is measured.
BOOST_AUTO_TEST_CASE(f01_turned_photographs)
{
    const std::filesystem::path root = d2det::test::sharedFolder() / "cases" / "f01_exif_turned_pictures";
    BOOST_REQUIRE_MESSAGE(std::filesystem::is_directory(root), "the shared data folder has no " << root);
    const TempFolder folder;
    std::vector<std::vector<double>> program, trainer;
    for (const char* name : {"upright", "turned6", "turned3"})
    {
        const std::string set = (root / name).string();
        const Outcome measured =
            runProgram(folder, "d2det_evaluate",
                       "-q -m '" + BUNDLED + ".onnx' -a '" + set + "/instances.json' -i '" + set + "/images'");
        BOOST_REQUIRE_MESSAGE(measured.code == 0, measured.err);
        program.push_back(numbersOf(measured.out));
        const Outcome linted =
            runProgram(folder, "d2det_dataset", "lint '" + set + "/instances.json' -i '" + set + "/images'");
        BOOST_TEST(linted.code == 0, linted.out);
        BOOST_TEST(linted.out.find("0 errors, 0 warnings") != std::string::npos, linted.out);

        Config config = loadConfig(std::string(D2DET_SOURCE_DIR) + "/training/configs/d2det_mnv2_person_final.json");
        config.model.classNames = {"person"};
        ReadOptions reading;
        reading.keepSegmentation = true;
        reading.clipBoxes = false;
        Detector model(config.model);
        restoreModel(*model, modelWeights(readSafetensors(BUNDLED + ".safetensors")));
        trainer.push_back(
            evaluate(model, readDataset(set + "/instances.json", set + "/images", reading), 0, {}).summary);
    }
    for (const auto* numbers : {&program, &trainer})
    {
        BOOST_TEST((*numbers)[0][1] > 0.99);  // AP50
        for (size_t i = 1; i < 3; i++)
            for (size_t k = 0; k < 2; k++)  // AP, AP50; the JPEG files were coded anew
                BOOST_TEST(std::abs((*numbers)[i][k] - (*numbers)[0][k]) < 0.05, i << ": " << (*numbers)[i][k]);
    }
}

BOOST_AUTO_TEST_SUITE_END()
