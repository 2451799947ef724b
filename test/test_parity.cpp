// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The exported network in cv::dnn against the trainer's own inference, stage by stage: maps and scores within 1e-3 of
   the largest value, boxes within 0.1 pixels. Rows are matched by box, since rounding may swap rows of nearly equal
   score. */

#define BOOST_TEST_MODULE parity
#include <boost/test/unit_test.hpp>

#include "export_models.hpp"
#include "synthetic_image.hpp"
#include "config/input_params.hpp"
#include "shared_data.hpp"
#include "temp_folder.hpp"

#include <opencv2/d2det.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <map>

using namespace d2det;
using namespace d2det::test;

namespace
{

constexpr double BOX_TOLERANCE = 0.1;     // pixels
constexpr double VALUE_TOLERANCE = 1e-3;  // of the largest value
constexpr double SCORE_GAP = 1e-4;        // below it two rows may change places

using Outputs = std::map<std::string, Tensor>;

std::string deltasOf(size_t stage)
{
    return "box_deltas" + (stage == 0 ? "" : std::to_string(stage + 1));
}

std::vector<std::string> outputNames(const InferenceTrace& trace, const ModelConfig& config)
{
    std::vector<std::string> names;
    for (size_t i = 0; i < trace.pyramid.size(); i++)
    {
        names.push_back("p" + std::to_string(config.backbone.levels[0] + static_cast<int>(i)));
        names.push_back("rpn_logit_" + std::to_string(i));
        names.push_back("rpn_delta_" + std::to_string(i));
    }
    for (const char* name : {"proposals", "proposal_scores", "probabilities", "detections"})
        names.push_back(name);
    if (config.roi.type == RoIHeadType::D2DET)
    {
        for (const char* name : {"candidates", "dense_offsets", "refined_boxes"})
            names.push_back(name);
        if (config.roi.boxHead.binaryOverlap)
            names.push_back("dense_overlap");
    }
    else
    {
        names.push_back("refined_rois");
        for (size_t i = 0; i < trace.deltas.size(); i++)
            names.push_back(deltasOf(i));
    }
    if (trace.masks.defined())
        names.push_back("masks");
    if (trace.masks.defined() && !config.roi.maskHead.secondPass)
        names.push_back("mask_boxes");
    if (trace.maskIous.defined())
        names.push_back("mask_ious");
    return names;
}

Tensor toTensor(const cv::Mat& mat)
{
    const std::vector<int64_t> shape(mat.size.p, mat.size.p + mat.dims);
    return torch::from_blob(mat.data, shape, torch::kFloat).clone();
}

//! Only float32 and dense: what cv::dnn takes.
cv::Mat toMat(const Tensor& tensor)
{
    const std::vector<int> shape(tensor.sizes().begin(), tensor.sizes().end());
    return cv::Mat(shape, CV_32F, tensor.data_ptr<float>());
}

Outputs runNet(cv::dnn::Net& net, const ImageBatch& images, const std::vector<std::string>& names)
{
    const Tensor image = images.images.contiguous(), info = images.imInfo().contiguous();
    net.setInput(toMat(image), "image");
    net.setInput(toMat(info), "im_info");
    std::vector<cv::Mat> mats;
    net.forward(mats, std::vector<cv::String>(names.begin(), names.end()));
    Outputs outputs;
    for (size_t i = 0; i < names.size(); i++)
        outputs[names[i]] = toTensor(mats[i]);
    return outputs;
}

void expectClose(const Tensor& expected, const Tensor& got, const std::string& what)
{
    BOOST_REQUIRE_MESSAGE(expected.sizes() == got.sizes(), what << " has another shape");
    const double largest = expected.abs().max().item<double>(), error = (expected - got).abs().max().item<double>();
    BOOST_TEST_MESSAGE(what << ": error " << error / largest << " of the largest value");
    BOOST_TEST(largest > 0, what << " is all zero: nothing is compared");
    BOOST_TEST(error <= VALUE_TOLERANCE * largest, what << ": error " << error << ", largest value " << largest);
}

//! Scored boxes of one stage; `label` is the class, 0 where there is none.
struct Rows
{
    std::vector<int64_t> index;  //!< row in the tensor
    std::vector<std::array<float, 4>> boxes;
    std::vector<float> scores, labels;
    size_t size() const { return index.size(); }
};

//! Columns of box, score and class in two tensors; class -1: a tensor without classes. Padding rows have score 0.
Rows rowsOf(const Tensor& boxes, int64_t boxColumn, const Tensor& scores, int64_t scoreColumn, int64_t classColumn)
{
    Rows rows;
    for (int64_t r = 0; r < boxes.size(0); r++)
    {
        const float score = scores[r][scoreColumn].item<float>();
        if (score <= 0)
            continue;
        rows.index.push_back(r);
        rows.scores.push_back(score);
        rows.labels.push_back(classColumn < 0 ? 0.f : scores[r][classColumn].item<float>());
        const float* box = boxes[r].data_ptr<float>() + boxColumn;
        rows.boxes.push_back({box[0], box[1], box[2], box[3]});
    }
    return rows;
}

double distance(const std::array<float, 4>& a, const std::array<float, 4>& b)
{
    double largest = 0;
    for (int i = 0; i < 4; i++)
        largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
    return largest;
}

/* Pairs (expected row, got row). Every expected row needs a partner of the same class within the box tolerance, with
   the same score; it may stand at another place only among scores that are nearly equal. One row in fifty may be
   missing: NMS decides by a threshold, and a box on it falls to one side or the other. */
std::vector<std::pair<int64_t, int64_t>> match(const Rows& expected, const Rows& got, const std::string& what,
                                               size_t atLeast)
{
    BOOST_TEST(expected.size() >= atLeast, what << ": only " << expected.size() << " rows to compare");
    std::vector<std::pair<int64_t, int64_t>> pairs;
    std::vector<bool> taken(got.size(), false);
    size_t lost = 0;
    for (size_t e = 0; e < expected.size(); e++)
    {
        size_t best = got.size();
        double bestDistance = BOX_TOLERANCE;
        for (size_t g = 0; g < got.size(); g++)
        {
            if (taken[g] || got.labels[g] != expected.labels[e] ||
                std::abs(got.scores[g] - expected.scores[e]) > VALUE_TOLERANCE)
                continue;
            const double d = distance(expected.boxes[e], got.boxes[g]);
            if (d < bestDistance)
            {
                best = g;
                bestDistance = d;
            }
        }
        if (best == got.size())
        {
            lost++;
            continue;
        }
        taken[best] = true;
        pairs.push_back({expected.index[e], got.index[best]});
        if (lost == 0 && best != e && e < got.size())
            BOOST_TEST(std::abs(expected.scores[e] - expected.scores[std::min(best, expected.size() - 1)]) < SCORE_GAP,
                       what << ": row " << e << " moved to " << best);
    }
    BOOST_TEST_MESSAGE(what << ": " << expected.size() << " rows, " << lost << " without partner");
    const size_t allowed = expected.size() / 50;
    BOOST_TEST(lost <= allowed, what << ": " << lost << " of " << expected.size() << " rows have no partner");
    BOOST_TEST(got.size() <= expected.size() + allowed,
               what << ": " << got.size() << " rows, expected " << expected.size());
    return pairs;
}

Tensor gather(const Tensor& values, const std::vector<std::pair<int64_t, int64_t>>& pairs, bool first)
{
    std::vector<Tensor> rows;
    for (const auto& pair : pairs)
        rows.push_back(values[first ? pair.first : pair.second]);
    return torch::stack(rows);
}

//! Masks fill the boxes of the detections or, without a second pass, those of the candidates, which are different ones.
void compareMaskBoxes(const InferenceTrace& trace, const Outputs& got, const ModelConfig& config,
                      const std::vector<std::pair<int64_t, int64_t>>& detections)
{
    const Tensor boxes = gather(trace.maskBoxes, detections, true);
    const double moved = (boxes - gather(trace.detections, detections, true).slice(1, 3, 7)).abs().max().item<double>();
    BOOST_TEST(got.count("mask_boxes") == size_t(!config.roi.maskHead.secondPass));
    if (config.roi.maskHead.secondPass)
    {
        BOOST_TEST(moved == 0);
        return;
    }
    BOOST_TEST(moved > 1, "candidates and detections have the same boxes");
    const Tensor& found = got.at("mask_boxes");
    const double error = (boxes - gather(found, detections, false)).abs().max().item<double>();
    BOOST_TEST(error <= BOX_TOLERANCE, "mask_boxes: error " << error << " pixels");
    const Tensor &candidates = got.at("candidates"), &last = got.at("detections");
    for (int64_t r = 0; r < last.size(0); r++)
        if (last[r][1].item<float>() < 0)
            BOOST_TEST(found[r].abs().max().item<float>() == 0, "padding row " << r << " has a mask box");
        else
            BOOST_TEST((candidates.slice(1, 3, 7) - found[r]).abs().sum(1).min().item<float>() == 0,
                       "the mask box of row " << r << " is no candidate");
}

//! Boxes of dense regression; false: there is nothing to compare.
bool compareCandidates(const InferenceTrace& trace, const Outputs& got)
{
    const Tensor& found = got.at("candidates");
    const auto candidates =
        match(rowsOf(trace.candidates, 3, trace.candidates, 2, 1), rowsOf(found, 3, found, 2, 1), "candidates", 10);
    if (candidates.empty())
        return false;
    expectClose(gather(trace.offsets, candidates, true), gather(got.at("dense_offsets"), candidates, false),
                "dense_offsets");
    if (got.count("dense_overlap"))
        expectClose(gather(trace.overlap, candidates, true), gather(got.at("dense_overlap"), candidates, false),
                    "dense_overlap");
    const Tensor refined = gather(trace.refined, candidates, true).slice(1, 1, 5);
    const double error = (refined - gather(got.at("refined_boxes"), candidates, false)).abs().max().item<double>();
    BOOST_TEST(error <= BOX_TOLERANCE, "refined_boxes: error " << error << " pixels");
    const double moved =
        (refined - gather(trace.candidates, candidates, true).slice(1, 3, 7)).abs().max().item<double>();
    BOOST_TEST(moved > 1, "the box head moved nothing, it is not tested");
    return true;
}

//! Deltas of the proposals, and the boxes of the last stage.
bool compareDeltas(const InferenceTrace& trace, const Outputs& got,
                   const std::vector<std::pair<int64_t, int64_t>>& proposals)
{
    for (size_t i = 0; i < trace.deltas.size(); i++)
        expectClose(gather(trace.deltas[i], proposals, true), gather(got.at(deltasOf(i)), proposals, false),
                    deltasOf(i));
    const Tensor refined = gather(trace.refined, proposals, true),
                 found = gather(got.at("refined_rois"), proposals, false);
    const double error = (refined - found).abs().max().item<double>();
    BOOST_TEST(error <= BOX_TOLERANCE, "refined_rois: error " << error << " pixels");
    const double moved =
        (refined.slice(1, 1, 5) - gather(trace.proposals, proposals, true).slice(1, 1, 5)).abs().max().item<double>();
    BOOST_TEST(moved > 1, "the box head moved nothing, it is not tested");
    return true;
}

void compareStages(const InferenceTrace& trace, const Outputs& got, const ModelConfig& config)
{
    for (size_t i = 0; i < trace.pyramid.size(); i++)
    {
        const std::string n = std::to_string(i);
        const std::string map = "p" + std::to_string(config.backbone.levels[0] + static_cast<int>(i));
        expectClose(trace.pyramid[i], got.at(map), map);
        expectClose(trace.rpnLogits[i], got.at("rpn_logit_" + n), "rpn_logit_" + n);
        expectClose(trace.rpnDeltas[i], got.at("rpn_delta_" + n), "rpn_delta_" + n);
    }
    const auto proposals = match(rowsOf(trace.proposals, 1, trace.proposalScores, 0, -1),
                                 rowsOf(got.at("proposals"), 1, got.at("proposal_scores"), 0, -1), "proposals", 20);
    if (proposals.empty())
        return;
    expectClose(gather(trace.probabilities, proposals, true), gather(got.at("probabilities"), proposals, false),
                "probabilities");
    BOOST_TEST(trace.probabilities.std().item<double>() > 0.05);

    if (!(trace.candidates.defined() ? compareCandidates(trace, got) : compareDeltas(trace, got, proposals)))
        return;
    const Tensor& last = got.at("detections");
    const auto detections =
        match(rowsOf(trace.detections, 3, trace.detections, 2, 1), rowsOf(last, 3, last, 2, 1), "detections", 5);
    if (!trace.masks.defined() || detections.empty())
        return;
    expectClose(gather(trace.masks, detections, true), gather(got.at("masks"), detections, false), "masks");
    BOOST_TEST(gather(trace.masks, detections, true).std().item<double>() > 0.05, "the masks are flat");
    compareMaskBoxes(trace, got, config, detections);
    if (trace.maskIous.defined())
        expectClose(gather(trace.maskIous, detections, true), gather(got.at("mask_ious"), detections, false),
                    "mask_ious");
    for (int64_t r = 0; r < last.size(0); r++)
        if (last[r][1].item<float>() < 0)
            BOOST_TEST(got.at("masks")[r].abs().max().item<float>() == 0, "padding row " << r << " has a mask");
}

ImageBatch prepare(const cv::Mat& image, const InputConfig& input)
{
    cv::Mat blob, info;
    cv::d2det::prepareInput(image, toInputParams(input), blob, info);
    ImageInfo valid;
    valid.height = static_cast<int>(info.at<float>(0));
    valid.width = static_cast<int>(info.at<float>(1));
    valid.scale = info.at<float>(2);
    return ImageBatch(toTensor(blob), {valid});
}

struct Exported
{
    explicit Exported(const ModelConfig& config, uint64_t seed = 1) : model(randomModel(config, seed))
    {
        ExportOptions options;
        options.intermediate = true;
        exportOnnx(model, folder / "stages.onnx", options);
        exportOnnx(model, folder / "model.onnx");
        cv::d2det::registerLayers();
        net = cv::dnn::readNetFromONNX(folder / "stages.onnx");
    }

    void compare(const cv::Mat& image)
    {
        const ImageBatch batch = prepare(image, model->config.input);
        const InferenceTrace trace = model->infer(batch);
        compareStages(trace, runNet(net, batch, outputNames(trace, model->config)), model->config);
    }

    //! cv::d2det::Detector on the image itself against the trainer's detections, divided by the scale.
    void compareDetector(const cv::Mat& image)
    {
        const ImageBatch batch = prepare(image, model->config.input);
        const Tensor rows = model->infer(batch).detections;
        const auto detector = cv::d2det::Detector::create(folder / "model.onnx");
        cv::Mat found;
        detector->detect(image, found);
        BOOST_REQUIRE(found.cols == 6);
        Rows expected, got;
        for (int64_t r = 0; r < rows.size(0); r++)
        {
            const float* row = rows[r].data_ptr<float>();
            if (row[1] < 0 || row[2] < detector->getScoreThreshold())
                continue;
            std::array<float, 4> box;
            for (int i = 0; i < 4; i++)
                box[i] = static_cast<float>(std::min(std::max(row[3 + i] / batch.infos[0].scale, 0.),
                                                     static_cast<double>(i % 2 ? image.rows : image.cols)));
            if (box[2] <= box[0] || box[3] <= box[1])
                continue;
            expected.index.push_back(r);
            expected.boxes.push_back(box);
            expected.scores.push_back(row[2]);
            expected.labels.push_back(row[1]);
        }
        for (int r = 0; r < found.rows; r++)
        {
            const float* row = found.ptr<float>(r);
            got.index.push_back(r);
            got.boxes.push_back({row[0], row[1], row[2], row[3]});
            got.scores.push_back(row[4]);
            got.labels.push_back(row[5]);
        }
        match(expected, got, "Detector", 5);
    }

    /** Detector::segment against the trainer's masks, pasted into the image by a plain loop over operators.md 4. Rows
        are those of detect(), which stops before the mask head. */
    void compareMasks(const cv::Mat& image)
    {
        const ImageBatch batch = prepare(image, model->config.input);
        const InferenceTrace trace = model->infer(batch);
        const auto detector = cv::d2det::Detector::create(folder / "model.onnx");
        BOOST_REQUIRE(detector->hasMasks());
        cv::Mat alone, found, scores;
        std::vector<cv::Mat> masks;
        detector->detect(image, alone);
        detector->segment(image, found, masks, scores);
        BOOST_REQUIRE(found.size() == alone.size());
        BOOST_TEST(cv::norm(found, alone, cv::NORM_INF) == 0);
        BOOST_REQUIRE(masks.size() == static_cast<size_t>(found.rows));
        BOOST_REQUIRE(scores.rows == found.rows);
        int compared = 0;
        for (int r = 0; r < found.rows; r++)
        {
            const int64_t t = rowInTrace(trace.detections, found.ptr<float>(r), batch.infos[0].scale, image.size());
            if (t < 0)
                continue;
            compared++;
            const cv::Mat map = pastePlainly(trace.masks[t][0], trace.maskBoxes[t], batch.infos[0].scale, image);
            const cv::Mat expected = map >= 0.5;
            // Random weights put many pixels at the threshold, where rounding decides: those may go either way. The
            // probabilities themselves agree to 1e-3 (asked) and better than this.
            const cv::Mat decided = cv::abs(map - 0.5) > 1e-4, differ = expected != masks[r];
            const double either = cv::countNonZero(expected | masks[r]);
            const int wrong = cv::countNonZero(differ & decided);
            BOOST_TEST(wrong <= 0.001 * either, "mask " << r << ": " << wrong << " of " << either << " pixels differ");
            BOOST_TEST(cv::countNonZero(differ) <= 0.01 * either + 1);
            // By hand: the order is that of score + weight * IoU, no score is above 1.
            const double score = found.at<float>(r, 4), weight = model->config.roi.maskHead.scoreWeight;
            const double expectedScore = trace.maskIous.defined()
                                             ? (score + weight * trace.maskIous[t][0].item<double>()) / (1 + weight)
                                             : score;
            BOOST_TEST(std::abs(scores.at<float>(r) - std::min(expectedScore, 1.)) < 1e-3);
            BOOST_TEST(scores.at<float>(r) <= 1.f);
        }
        BOOST_TEST(compared >= found.rows - found.rows / 20 - 1);
        BOOST_TEST(compared >= 5);
    }

    static int64_t rowInTrace(const Tensor& rows, const float* found, double scale, cv::Size image)
    {
        for (int64_t t = 0; t < rows.size(0); t++)
        {
            const float* row = rows[t].data_ptr<float>();
            double worst = row[1] == found[5] ? std::abs(row[2] - found[4]) * 10 : 1e9;
            for (int k = 0; k < 4; k++)
                worst = std::max(worst, std::abs(std::clamp(row[3 + k] / scale, 0.,
                                                            k % 2 ? double(image.height) : double(image.width)) -
                                                 found[k]));
            if (worst < 0.05)
                return t;
        }
        return -1;
    }

    //! Probability of each pixel of the image, 0 outside the box.
    static cv::Mat pastePlainly(const Tensor& probabilities, const Tensor& corners, double scale, const cv::Mat& image)
    {
        cv::Mat map = cv::Mat::zeros(image.size(), CV_64F);
        const auto p = probabilities.accessor<float, 2>();
        const double side = static_cast<double>(probabilities.size(0));
        const auto cell = [&](int y, int x) { return y < 0 || x < 0 || y >= side || x >= side ? 0. : double(p[y][x]); };
        double box[4];
        for (int k = 0; k < 4; k++)
            box[k] = corners[k].item<double>() / scale;
        for (int y = 0; y < map.rows; y++)
            for (int x = 0; x < map.cols; x++)
            {
                const double u = (x + 0.5 - box[0]) / (box[2] - box[0]) * side - 0.5;
                const double v = (y + 0.5 - box[1]) / (box[3] - box[1]) * side - 0.5;
                const int i = static_cast<int>(std::floor(v)), j = static_cast<int>(std::floor(u));
                const double fy = v - i, fx = u - j;
                const double value = (1 - fy) * ((1 - fx) * cell(i, j) + fx * cell(i, j + 1)) +
                                     fy * ((1 - fx) * cell(i + 1, j) + fx * cell(i + 1, j + 1));
                map.at<double>(y, x) = value;
            }
        return map;
    }

    TempFolder folder;
    Detector model;
    cv::dnn::Net net;
};

}  // namespace

BOOST_AUTO_TEST_CASE(smallFamilyAtSeveralSizes)
{
    Exported exported(smallFamily());
    for (const cv::Size size : {cv::Size(320, 192), cv::Size(150, 260), cv::Size(97, 64), cv::Size(320, 192)})
        BOOST_TEST_CONTEXT("image " << size)
        {
            exported.compare(syntheticImage(size.height, size.width, size.width));
            exported.compareDetector(syntheticImage(size.height, size.width, size.width));
        }
}

BOOST_AUTO_TEST_CASE(paperFamilyAtSeveralSizes)
{
    Exported exported(paperFamily());
    for (const cv::Size size : {cv::Size(320, 192), cv::Size(150, 260)})
        BOOST_TEST_CONTEXT("image " << size)
        {
            exported.compare(syntheticImage(size.height, size.width, size.width));
            exported.compareDetector(syntheticImage(size.height, size.width, size.width));
        }
}

BOOST_AUTO_TEST_CASE(everyVariant)
{
    for (const NamedConfig& variant : variants())
        BOOST_TEST_CONTEXT(variant.name)
    Exported(variant.config, 3).compare(syntheticImage(200, 280, 5));
}

//! Models with one NMS: settings reach it, and the time of every stage is told.
BOOST_AUTO_TEST_CASE(familyOfTheDetector)
{
    for (const NamedConfig& variant : familyVariants())
        if (variant.config.roi.type != RoIHeadType::D2DET)
            BOOST_TEST_CONTEXT(variant.name)
            {
                Exported exported(variant.config, 3);
                exported.compareDetector(syntheticImage(200, 280, 5));
                const auto detector = cv::d2det::Detector::create(exported.folder / "model.onnx");
                BOOST_TEST(detector->hasMasks() == (variant.config.roi.maskHead.type != MaskHeadType::NONE));
                BOOST_TEST(detector->getScoreThreshold() == variant.config.test.scoreThreshold);
                cv::Mat all, few, best;
                detector->detect(syntheticImage(200, 280, 5), all);
                std::vector<cv::String> stages;
                const std::vector<double> times = detector->getTimings(stages);
                for (size_t i = 0; i < stages.size(); i++)
                    BOOST_TEST((times[i] > 0) == (stages[i] != "masks"), stages[i]);
                detector->setMaxDetections(3);
                detector->detect(syntheticImage(200, 280, 5), few);
                BOOST_TEST(few.rows == 3);
                BOOST_TEST(cv::norm(few, all.rowRange(0, 3), cv::NORM_INF) == 0);
                detector->setScoreThreshold(all.at<float>(1, 4));  // scores equal to it pass
                detector->detect(syntheticImage(200, 280, 5), best);
                BOOST_TEST(best.rows <= 2);
                BOOST_TEST(best.rows >= 1);
            }
}

BOOST_AUTO_TEST_CASE(masksOfTheDetector)
{
    for (const NamedConfig& variant : variants())
        if (variant.config.roi.maskHead.type != MaskHeadType::NONE)
            BOOST_TEST_CONTEXT(variant.name)
            {
                Exported exported(variant.config, 3);
                exported.compareMasks(syntheticImage(200, 280, 5));
                exported.compareMasks(syntheticImage(131, 97, 6));
            }
}

//! Masks of a batch are those of its images, whatever was run before.
void testMasksOfABatch(bool secondPass)
{
    ModelConfig config = smallFamily();
    config.roi.maskHead = smallMasks();
    config.roi.maskHead.secondPass = secondPass;
    Exported exported(config);
    const auto detector = cv::d2det::Detector::create(exported.folder / "model.onnx");
    const std::vector<cv::Mat> images{syntheticImage(192, 256, 1), syntheticImage(192, 256, 2),
                                      syntheticImage(100, 90, 3)};
    std::vector<cv::Mat> rows, scores;
    std::vector<std::vector<cv::Mat>> masks;
    detector->segmentBatch(images, rows, masks, scores);
    BOOST_REQUIRE(masks.size() == images.size());
    for (size_t i = 0; i < images.size(); i++)
    {
        cv::Mat oneRows, oneScores;
        std::vector<cv::Mat> oneMasks;
        detector->segment(images[i], oneRows, oneMasks, oneScores);
        BOOST_REQUIRE(oneRows.size() == rows[i].size());
        BOOST_TEST(oneRows.rows >= 5);
        BOOST_TEST(cv::norm(oneRows, rows[i], cv::NORM_INF) < BOX_TOLERANCE);
        BOOST_TEST(cv::norm(oneScores, scores[i], cv::NORM_INF) < VALUE_TOLERANCE);
        BOOST_REQUIRE(masks[i].size() == oneMasks.size());
        for (size_t k = 0; k < oneMasks.size(); k++)
            BOOST_TEST(cv::countNonZero(masks[i][k] != oneMasks[k]) <= 2);
    }
}

BOOST_AUTO_TEST_CASE(masksOfABatch)
{
    testMasksOfABatch(true);
}

BOOST_AUTO_TEST_CASE(masksOfABatchWithoutASecondPass)
{
    testMasksOfABatch(false);
}

BOOST_AUTO_TEST_CASE(modelWithoutMasksSaysSo)
{
    Exported exported(smallFamily());
    const auto detector = cv::d2det::Detector::create(exported.folder / "model.onnx");
    BOOST_TEST(!detector->hasMasks());
    cv::Mat rows;
    std::vector<cv::Mat> masks;
    BOOST_CHECK_EXCEPTION(
        detector->segment(syntheticImage(64, 64, 1), rows, masks), cv::Exception,
        [](const cv::Exception& e)
        { return e.code == cv::Error::StsNotImplemented && e.err.find("no masks") != std::string::npos; });
}

//! The exported file computes the same with and without the extra outputs: they are no part of the arithmetic.
BOOST_AUTO_TEST_CASE(extraOutputsChangeNothing)
{
    Exported exported(smallFamily());
    const ImageBatch batch = prepare(syntheticImage(192, 256, 9), exported.model->config.input);
    cv::dnn::Net plain = cv::dnn::readNetFromONNX(exported.folder / "model.onnx");
    const Tensor a = runNet(exported.net, batch, {"detections"})["detections"];
    const Tensor b = runNet(plain, batch, {"detections"})["detections"];
    BOOST_TEST(torch::equal(a, b));
}

BOOST_AUTO_TEST_CASE(imagesOfABatchAreIndependent)
{
    for (const ModelConfig& config : {smallFamily(), variants()[2].config})
    {
        Exported exported(config);
        const auto detector = cv::d2det::Detector::create(exported.folder / "model.onnx");
        const std::vector<cv::Mat> images{syntheticImage(192, 256, 1), syntheticImage(192, 256, 2),
                                          syntheticImage(192, 256, 3)};
        std::vector<cv::Mat> together;
        detector->detectBatch(images, together);
        BOOST_REQUIRE(together.size() == images.size());
        for (size_t i = 0; i < images.size(); i++)
        {
            cv::Mat alone;
            detector->detect(images[i], alone);
            BOOST_REQUIRE(alone.size() == together[i].size());
            BOOST_TEST(alone.rows >= 5);
            BOOST_TEST(cv::norm(alone, together[i], cv::NORM_INF) < BOX_TOLERANCE);
        }
    }
}

BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(sharedPresent))

BOOST_AUTO_TEST_CASE(photographs)
{
    for (const ModelConfig& config : {smallFamily(), paperFamily()})
    {
        Exported exported(config, 7);
        for (const char* name : {"FudanPed00001.jpg", "FudanPed00002.jpg"})
            BOOST_TEST_CONTEXT(name)
            {
                const auto path = sharedFolder() / "data" / "pennfudan" / "images" / name;
                const cv::Mat image = cv::imread(path.string());
                BOOST_REQUIRE_MESSAGE(!image.empty(), "cannot read " << path);
                exported.compare(image);
                exported.compareDetector(image);
            }
    }
}

BOOST_AUTO_TEST_SUITE_END()
