// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO evaluation of a model. Boxes are converted from network-input to image pixels by the resize factor of the image.
   */

#include "engine/validation.hpp"

#include "base/random.hpp"
#include "config/input_params.hpp"
#include "dataset/annotated_image.hpp"
#include "engine/loader.hpp"
#include "evaluation/ground_truth.hpp"
#include "kernels/mask_score.hpp"
#include "opencv2/d2det/detector.hpp"
#include "opencv2/d2det/metrics.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>

namespace d2det
{

namespace
{

constexpr uint64_t LOSS_STREAM = 0x76616c6f7373ull;  // separates its random numbers from those of the loader

ImageBatch toBatch(const cv::Mat& image, const InputConfig& config)
{
    cv::Mat blob, imInfo;
    cv::d2det::prepareInput(image, toInputParams(config), blob, imInfo);
    const torch::Tensor images =
        torch::from_blob(blob.ptr<float>(), {1, 3, blob.size[2], blob.size[3]}, torch::kFloat).clone();
    ImageInfo info;
    info.height = static_cast<int>(imInfo.at<float>(0, 0));
    info.width = static_cast<int>(imInfo.at<float>(0, 1));
    info.scale = imInfo.at<float>(0, 2);
    return ImageBatch(images.contiguous(torch::MemoryFormat::ChannelsLast), {info});
}

//! Separate evaluators for boxes and masks: masks are ranked by different scores.
struct Evaluators
{
    cv::d2det::CocoEvaluator boxes, masks;
};

using Detections = std::vector<cv::d2det::CocoEvaluator::Detection>;

//! What was found in some images of a data set.
struct Findings
{
    Detections boxes, masks;
    std::vector<int64> usedForBoxes, usedForMasks;  //!< ids of images
    int64_t images = 0, unreadable = 0;
    std::string firstBad;  //!< path and reason
    bool complete = true;
};

//! Findings as bytes for other processes of the same program, and back.
class Packer
{
public:
    Packer() = default;
    explicit Packer(std::string bytes) : bytes_(std::move(bytes)), packing_(false) {}

    void operator()(Findings& f)
    {
        list(f.boxes, [this](auto& detection) { (*this)(detection); });
        list(f.masks, [this](auto& detection) { (*this)(detection); });
        for (std::vector<int64>* ids : {&f.usedForBoxes, &f.usedForMasks})
            list(*ids, [this](int64& id) { value(id); });
        value(f.images);
        value(f.unreadable);
        list(f.firstBad, [this](char& c) { value(c); });
        value(f.complete);
    }
    const std::string& bytes() const { return bytes_; }

private:
    void operator()(cv::d2det::CocoEvaluator::Detection& d)
    {
        value(d.imageId);
        value(d.categoryId);
        value(d.box);
        value(d.score);
        value(d.mask.height);
        value(d.mask.width);
        list(d.mask.counts, [this](unsigned& count) { value(count); });
    }

    template <typename List, typename Item>
    void list(List& values, Item item)
    {
        uint64_t count = values.size();
        value(count);
        values.resize(count);
        for (auto& x : values)
            item(x);
    }

    template <typename Value>
    void value(Value& x)
    {
        if (packing_)
            bytes_.append(reinterpret_cast<const char*>(&x), sizeof x);
        else
            std::memcpy(&x, bytes_.data() + at_, sizeof x);
        at_ += sizeof x;
    }

    std::string bytes_;
    size_t at_ = 0;
    bool packing_ = true;
};

//! The findings of all processes together.
Findings merge(Findings& own, ProcessGroup& group)
{
    Packer packer;
    packer(own);
    Findings all;
    for (const std::string& bytes : group.gather(packer.bytes()))
    {
        Findings part;
        Packer unpacker{bytes};
        unpacker(part);
        const auto append = [](auto& list, auto& more)
        { list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end())); };
        append(all.boxes, part.boxes);
        append(all.masks, part.masks);
        append(all.usedForBoxes, part.usedForBoxes);
        append(all.usedForMasks, part.usedForMasks);
        all.images += part.images;
        all.unreadable += part.unreadable;
        if (all.firstBad.empty())
            all.firstBad = part.firstBad;
        all.complete = all.complete && part.complete;
    }
    return all;
}

//! Network-input pixels per image pixel, horizontal and vertical.
cv::Vec2d scalesOf(const ImageInfo& info, const cv::Mat& image, const InputConfig& input)
{
    if (input.keepRatio)
        return {info.scale, info.scale};
    return {static_cast<double>(info.width) / image.cols, static_cast<double>(info.height) / image.rows};
}

//! Network-input box (x1, y1, x2, y2) -> image pixels.
cv::Vec4d imageBox(const torch::TensorAccessor<double, 1>& corners, int64_t first, const cv::Vec2d& scale)
{
    return cv::Vec4d(corners[first] / scale[0], corners[first + 1] / scale[1], corners[first + 2] / scale[0],
                     corners[first + 3] / scale[1]);
}

//! Rows (batch, class, score, x1, y1, x2, y2); padding rows have score 0. @param shown may be null.
void addDetections(const InferenceTrace& trace, const ModelConfig& config, const cv::Vec2d& scale, const cv::Mat& image,
                   const ImageRecord& record, bool withMasks, Findings& findings, ImageResult* shown)
{
    const torch::Tensor table = trace.detections.to(torch::kDouble).contiguous();
    const auto row = table.accessor<double, 2>();
    const torch::Tensor maskBoxes = trace.masks.defined() ? trace.maskBoxes.to(torch::kDouble) : torch::Tensor();
    for (int64_t i = 0; i < table.size(0); i++)
    {
        if (!(row[i][2] > 0))
            continue;
        const cv::Vec4d box = imageBox(row[i], 3, scale);
        const double x1 = std::clamp(box[0], 0.0, static_cast<double>(image.cols));
        const double y1 = std::clamp(box[1], 0.0, static_cast<double>(image.rows));
        const double x2 = std::clamp(box[2], 0.0, static_cast<double>(image.cols));
        const double y2 = std::clamp(box[3], 0.0, static_cast<double>(image.rows));
        cv::d2det::CocoEvaluator::Detection detection;
        detection.imageId = record.id;
        detection.categoryId = static_cast<int64_t>(row[i][1]);
        detection.box = cv::Rect2d(x1, y1, x2 - x1, y2 - y1);
        detection.score = row[i][2];
        findings.boxes.push_back(detection);
        if (shown)
            shown->detections.push_back(cv::Mat(cv::Matx<float, 1, 6>(
                static_cast<float>(x1), static_cast<float>(y1), static_cast<float>(x2), static_cast<float>(y2),
                static_cast<float>(detection.score), static_cast<float>(detection.categoryId))));
        if (!withMasks && !(shown && trace.masks.defined()))
            continue;
        const torch::Tensor probability = trace.masks[i][0].contiguous();
        const cv::Mat map(static_cast<int>(probability.size(0)), static_cast<int>(probability.size(1)), CV_32F,
                          probability.data_ptr<float>());
        const cv::d2det::BoxMask mask =
            cv::d2det::cropMask(map, imageBox(maskBoxes.accessor<double, 2>()[i], 0, scale), image.size());
        if (shown)
        {
            shown->masks.emplace_back();
            cv::d2det::pasteMask(mask, shown->masks.back());
        }
        if (!withMasks)
            continue;
        detection.mask = cv::d2det::rleEncode(mask);
        if (trace.maskIous.defined())
            detection.score = cv::d2det::kernels::maskScore(detection.score, trace.maskIous[i][0].item<double>(),
                                                            double(config.roi.maskHead.scoreWeight));
        findings.masks.push_back(detection);
    }
}

}  // namespace

std::vector<size_t> chooseImages(const Dataset& dataset, size_t count)
{
    std::vector<size_t> candidates, chosen;
    for (size_t i = 0; i < dataset.images.size(); i++)
        if (!dataset.images[i].annotations.empty())
            candidates.push_back(i);
    count = std::min(count, candidates.size());
    for (size_t i = 0; i < count; i++)
        chosen.push_back(candidates[(2 * i + 1) * candidates.size() / (2 * count)]);
    return chosen;
}

Evaluation evaluate(Detector& detector, const Dataset& dataset, double maxBadFraction,
                    const std::function<bool()>& stop, const Gallery& gallery,
                    const std::function<void(size_t)>& progress, ProcessGroup* group)
{
    const auto start = std::chrono::steady_clock::now();
    const bool wasTraining = detector->is_training();
    detector->eval();
    const ModelConfig& config = detector->config;
    EvaluatedData data = EvaluatedData::all(dataset);
    std::vector<int64_t> categories(static_cast<size_t>(detector->numClasses()));
    std::iota(categories.begin(), categories.end(), int64_t{0});
    data.classes.assign(categories.begin(), categories.end());
    Evaluators evaluators;
    const EvaluatedImages evaluated = addGroundTruth(data, categories, config.roi.maskHead.type != MaskHeadType::NONE,
                                                     evaluators.boxes, evaluators.masks);
    const std::set<int64_t> maskImages(evaluated.masks.begin(), evaluated.masks.end());

    Findings findings;
    for (size_t index = 0; index < dataset.images.size(); index++)
    {
        const ImageRecord& record = dataset.images[index];
        const bool show = std::binary_search(gallery.indices.begin(), gallery.indices.end(), index);
        if (group && !(show ? group->isFirst() : group->owns(static_cast<int64_t>(index))))
            continue;
        if (stop && stop())
        {
            findings.complete = false;
            break;
        }
        if (progress)
            progress(index);
        findings.images++;
        std::string reason;
        const cv::Mat image = readAnnotatedImage(record, reason);
        if (image.empty())
        {
            if (findings.unreadable++ == 0)
                findings.firstBad = record.path + ", which " + reason;
            continue;
        }
        const ImageBatch batch = toBatch(image, config.input);
        InferenceTrace trace = detector->infer(batch);
        for (torch::Tensor* const output : {&trace.detections, &trace.masks, &trace.maskBoxes, &trace.maskIous})
            if (output->defined())
                *output = output->to(torch::kCPU);
        const bool withMasks = maskImages.count(record.id) > 0;
        findings.usedForBoxes.push_back(record.id);
        if (withMasks)
            findings.usedForMasks.push_back(record.id);
        ImageResult shown;
        addDetections(trace, config, scalesOf(batch.infos[0], image, config.input), image, record, withMasks, findings,
                      show ? &shown : nullptr);
        if (!show)
            continue;
        shown.image = image;
        gallery.show(record, shown);
    }
    detector->train(wasTraining);
    if (group && group->size() > 1)
        findings = merge(findings, *group);

    Evaluation result;
    result.name = dataset.name;
    result.complete = findings.complete;
    result.images = findings.images;
    result.unreadable = findings.unreadable;
    result.detections = static_cast<int64_t>(findings.boxes.size());
    if (static_cast<double>(result.unreadable) >
        maxBadFraction * static_cast<double>(std::max<int64_t>(result.images, 1)))
        throw std::runtime_error(std::to_string(result.unreadable) + " of " + std::to_string(result.images) +
                                 " images of " + dataset.name + " cannot be used, the first is " + findings.firstBad +
                                 " (data.max_bad_fraction allows fewer)");
    for (const auto& detection : findings.boxes)
        evaluators.boxes.addDetection(detection);
    for (const auto& detection : findings.masks)
        evaluators.masks.addDetection(detection);
    evaluators.boxes.setImages(findings.usedForBoxes);
    evaluators.masks.setImages(findings.usedForMasks);
    result.summary = evaluators.boxes.summarize();
    result.categoryAP = evaluators.boxes.perCategoryAP();
    if (!findings.usedForMasks.empty())
        result.maskSummary = evaluators.masks.summarize(cv::d2det::IOU_MASK);
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
}

namespace
{

//! Sums over the processes, of which some may lack some names.
std::map<std::string, double> sumsByName(const std::map<std::string, double>& own, ProcessGroup& group)
{
    std::string text;
    for (const auto& [name, value] : own)
        text += name + '=' + cv::format("%.17g", value) + '\n';
    std::map<std::string, double> sums;
    for (const std::string& other : group.gather(text))
    {
        std::istringstream lines(other);
        for (std::string line; std::getline(lines, line);)
            sums[line.substr(0, line.find('='))] += std::stod(line.substr(line.find('=') + 1));
    }
    return sums;
}

}  // namespace

std::map<std::string, double> validationLosses(Detector& detector, Dataset dataset, const Config& config,
                                               const std::function<bool()>& stop,
                                               const std::function<void(size_t, size_t)>& progress, ProcessGroup* group)
{
    auto& images = dataset.images;
    images.erase(std::remove_if(images.begin(), images.end(),
                                [&](const ImageRecord& image) { return !isTrainedOn(image, config.data); }),
                 images.end());
    if (images.empty())
        return {};
    const size_t count = images.size();
    const bool wasTraining = detector->is_training();
    detector->eval();
    const torch::NoGradGuard noGrad;
    torch::Generator generator = at::detail::createCPUGenerator();
    const auto seed = static_cast<uint64_t>(config.solver.seed);
    LoaderOptions loading = LoaderOptions::onePass();
    if (group)
        loading.share = {group->rank(), group->size()};
    const BatchShare share = loading.share;
    DataLoader loader(std::move(dataset), config.data, config.model.input, config.solver.batchSize, seed, 0, loading);
    std::map<std::string, double> sums;
    int64_t done = 0;
    bool complete = true;
    Batch batch;
    for (auto i = static_cast<uint64_t>(share.index); loader.next(batch); i += static_cast<uint64_t>(share.of))
    {
        if (stop && stop())
        {
            complete = false;
            break;
        }
        if (progress)
            progress(static_cast<size_t>(done), count);
        const uint64_t batchSeed = Random(seed, LOSS_STREAM, i).next();
        generator.set_current_seed(batchSeed);
        torch::manual_seed(batchSeed);
        batch.images.images = batch.images.images.to(detector->device()).contiguous(torch::MemoryFormat::ChannelsLast);
        const int64_t size = batch.images.size();
        for (const auto& [name, value] : detector->losses(batch, generator, config.losses))
        {
            const double loss = value.item<double>() * static_cast<double>(size);
            sums[name] += loss;
            sums[""] += loss;
        }
        done += size;
    }
    detector->train(wasTraining);
    if (group && group->size() > 1)
    {
        done = static_cast<int64_t>(group->sum(static_cast<double>(done)));
        complete = group->largest(complete ? 0 : 1) == 0;
        sums = sumsByName(sums, *group);
    }
    if (!complete || done == 0)
        return {};
    for (auto& item : sums)
        item.second /= static_cast<double>(done);
    return sums;
}

}  // namespace d2det
