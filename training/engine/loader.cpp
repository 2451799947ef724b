// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A short queue of batches in sampler order. Worker threads process single samples of the first unfinished batch; the
   thread that completes the last sample of a batch collates it. Worker threads only allocate tensors: an operator such
   as zeros() would start a team of OpenMP threads in every worker. */

#include "engine/loader.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "config/input_params.hpp"
#include "dataset/augment.hpp"
#include "dataset/class_balance.hpp"
#include "dataset/image_source.hpp"
#include "dataset/sampler.hpp"

#include <opencv2/d2det/detector.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <thread>

namespace d2det
{

namespace
{

//! A finished sample before padding.
struct Prepared
{
    cv::Mat blob;  //!< [1, 3, H, W] float; empty if the image is unusable
    ImageInfo info;
    std::vector<LabeledBox> boxes;
    int64_t imageId = 0;
};

//! An unfinished batch.
struct Slot
{
    std::vector<SampleDraw> draws;
    std::vector<Prepared> samples;
    size_t taken = 0;
    size_t done = 0;
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
};

//! Checks all parameters and returns the configuration.
const DataConfig& checked(const DataConfig& config, const InputConfig& input, int64_t startIteration)
{
    checkConfig(config, input);
    if (startIteration < 0)
        fail("the first iteration is " + std::to_string(startIteration) + ", expected 0 or more");
    return config;
}

//! Image without objects from which training learns what is no object.
bool isBackground(const ImageRecord& image, EmptyImages taken)
{
    return (image.empty == EmptyImage::ANNOTATED && taken != EmptyImages::SKIP) ||
           (image.empty == EmptyImage::UNLABELED && taken == EmptyImages::ALL);
}

//! Sets the factors of data.sampling = repeat_factor; entries repeated by hand count as often in the shares of classes.
void setRepeatFactors(const Dataset& dataset, const DataConfig& config, std::vector<SampleEntry>& entries)
{
    std::vector<std::vector<int>> classes(entries.size());
    for (size_t i = 0; i < entries.size(); i++)
        for (const LabeledBox& box : usableBoxes(dataset.images[static_cast<size_t>(entries[i].image)], config.minSide))
            classes[i].push_back(box.category);
    const std::vector<double> factors = repeatFactors(classes, config.repeatThreshold);
    for (size_t i = 0; i < entries.size(); i++)
        entries[i].factor = factors[i];
}

std::string describeFactors(const std::vector<SampleEntry>& entries)
{
    double largest = 1, sum = 0;
    int64_t repeated = 0;
    for (const SampleEntry& entry : entries)
    {
        largest = std::max(largest, entry.factor);
        sum += entry.factor;
        repeated += entry.factor > 1;
    }
    return "repeat_factor: " + std::to_string(repeated) + " of " +
           counted(static_cast<int64_t>(entries.size()), "image") + " drawn more often, at most " +
           formatNumber(largest, 2) + " times per epoch, which has " + formatNumber(sum, 0) + " draws on average";
}

//! Copies one image into its slot of the batch, padded with 0.
void copyPadded(const cv::Mat& blob, float* target, int64_t height, int64_t width)
{
    const int64_t blobHeight = blob.size[2], blobWidth = blob.size[3];
    for (int c = 0; c < 3; c++)
        for (int64_t y = 0; y < height; y++, target += width)
        {
            const int64_t copied = y < blobHeight ? blobWidth : 0;
            if (copied > 0)
                std::memcpy(target, blob.ptr<float>(0, c, static_cast<int>(y)),
                            static_cast<size_t>(copied) * sizeof(float));
            std::fill(target + copied, target + width, 0.f);
        }
}

//! Masks of all objects, if any object has a mask.
void addMasks(const std::vector<LabeledBox>& boxes, Instances& instances)
{
    const auto some = std::find_if(boxes.begin(), boxes.end(), [](const LabeledBox& b) { return !b.mask.empty(); });
    if (some == boxes.end())
        return;
    const int64_t count = static_cast<int64_t>(boxes.size()), height = some->mask.rows, width = some->mask.cols;
    torch::Tensor masks = torch::empty({count, height, width}, torch::kByte), has = torch::empty({count}, torch::kBool);
    for (int64_t i = 0; i < count; i++)
    {
        const cv::Mat& mask = boxes[static_cast<size_t>(i)].mask;
        uint8_t* out = masks.data_ptr<uint8_t>() + i * height * width;
        has.data_ptr<bool>()[i] = !mask.empty();
        if (mask.empty())
            std::memset(out, 0, static_cast<size_t>(height * width));
        else
            mask.copyTo(cv::Mat(mask.size(), CV_8U, out));
    }
    instances.setMasks(masks, has);
}

Instances toInstances(const std::vector<LabeledBox>& boxes)
{
    const int64_t count = static_cast<int64_t>(boxes.size());
    torch::Tensor corners = torch::empty({count, 4}), labels = torch::empty({count}, torch::kLong);
    float* corner = corners.data_ptr<float>();
    int64_t* label = labels.data_ptr<int64_t>();
    for (const LabeledBox& box : boxes)
    {
        for (const double value : {box.x1, box.y1, box.x2, box.y2})
            *corner++ = static_cast<float>(value);
        *label++ = box.category;
    }
    Instances instances(Boxes(corners), labels);
    addMasks(boxes, instances);
    return instances;
}

Batch collate(const std::vector<Prepared>& samples, bool pinned)
{
    Batch batch;
    std::vector<ImageInfo> infos;
    int64_t height = 0, width = 0;
    for (const Prepared& sample : samples)
    {
        if (sample.blob.empty())
            continue;
        height = std::max<int64_t>(height, sample.blob.size[2]);
        width = std::max<int64_t>(width, sample.blob.size[3]);
        infos.push_back(sample.info);
        batch.targets.push_back(toInstances(sample.boxes));
        batch.imageIds.push_back(sample.imageId);
    }
    if (infos.empty())
        return batch;
    torch::Tensor images = torch::empty({static_cast<int64_t>(infos.size()), 3, height, width},
                                        torch::TensorOptions(torch::kFloat).pinned_memory(pinned));
    float* target = images.data_ptr<float>();
    for (const Prepared& sample : samples)
        if (!sample.blob.empty())
        {
            copyPadded(sample.blob, target, height, width);
            target += 3 * height * width;
        }
    batch.images = ImageBatch(images, std::move(infos));
    return batch;
}

}  // namespace

bool isTrainedOn(const ImageRecord& image, const DataConfig& config)
{
    return !usableBoxes(image, config.minSide).empty() || isBackground(image, config.emptyImages);
}

class DataLoader::Impl
{
public:
    Impl(Dataset data, const DataConfig& dataConfig, const InputConfig& input, int batchSize, uint64_t seed,
         int64_t startIteration, const LoaderOptions& options);
    ~Impl();

    bool next(Batch& batch);

    const Dataset dataset;
    std::vector<std::string> warnings;
    std::unique_ptr<ImageSource> source;
    int64_t imagesPerEpoch = 0;
    double waitSeconds = 0;
    std::string samplingSummary;

private:
    std::vector<SampleEntry> chooseEntries();
    bool hasOutlines() const;
    Sample read(const SampleEntry& entry, int64_t& index);
    AugmentSource augmentSource();
    Prepared prepare(const SampleDraw& draw);
    int64_t readReplacing(const SampleEntry& entry, cv::Mat& image);
    std::shared_ptr<Slot> takeTask(std::unique_lock<std::mutex>& lock, size_t& index);
    std::shared_ptr<Slot> openSlot();
    void work();
    bool makeHere(Batch& batch);
    bool takeReady(Batch& batch);

    const DataConfig config_;
    const cv::d2det::InputParams input_;
    const cv::Scalar fill_;
    const uint64_t seed_;
    const LoaderOptions options_;
    std::vector<SampleEntry> usable_;   //!< each image once, for replacements
    std::vector<int64_t> usableIndex_;  //!< image -> index into usable_, -1 if not usable
    std::unique_ptr<BatchSampler> sampler_;

    std::mutex mutex_;  // guards the following members
    std::condition_variable workChanged_, batchReady_;
    std::deque<std::shared_ptr<Slot>> slots_;
    size_t maxSlots_ = 0;
    bool ended_ = false;
    bool stop_ = false;
    std::exception_ptr failure_;
    std::vector<std::thread> threads_;
};

DataLoader::Impl::Impl(Dataset data, const DataConfig& dataConfig, const InputConfig& input, int batchSize,
                       uint64_t seed, int64_t startIteration, const LoaderOptions& options)
    : dataset(std::move(data)),
      config_(checked(dataConfig, input, startIteration)),
      input_(toInputParams(input)),
      fill_(fillColor(input)),
      seed_(seed),
      options_(options)
{
    std::vector<SampleEntry> entries = chooseEntries();
    if (options_.training && config_.sampling == Sampling::REPEAT_FACTOR)
    {
        setRepeatFactors(dataset, config_, entries);
        samplingSummary = describeFactors(entries);
    }
    if (options_.training && config_.augment.copyPaste > 0 && !hasOutlines())
        warnings.push_back("data set '" + dataset.name +
                           "': no object has an outline, so data.augment.copy_paste does nothing; set it to 0");
    // A single pass reads every image once: no cache needed.
    const size_t cacheBytes = options_.training ? static_cast<size_t>(config_.cacheMegabytes) << 20 : 0;
    source = std::make_unique<ImageSource>(dataset.images, cacheBytes, static_cast<int64_t>(usable_.size()),
                                           config_.maxBadFraction);
    sampler_ = std::make_unique<BatchSampler>(std::move(entries), batchSize, seed, options_.training);
    imagesPerEpoch = sampler_->entriesPerEpoch();
    const BatchShare& share = options_.share;
    sampler_->skip(startIteration + ((share.index - startIteration) % share.of + share.of) % share.of);
    // One finished batch, one in progress, and more if one batch has fewer samples than there are threads.
    maxSlots_ = 2 + static_cast<size_t>(config_.workers / batchSize);
    for (int i = 0; i < config_.workers; i++)
        threads_.emplace_back([this] { work(); });
}

DataLoader::Impl::~Impl()
{
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stop_ = true;
    }
    workChanged_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
}

//! Entries drawn per epoch; fills usable_.
std::vector<SampleEntry> DataLoader::Impl::chooseEntries()
{
    std::vector<SampleEntry> entries;
    size_t background = 0, skippedEmpty = 0;
    usableIndex_.assign(dataset.images.size(), -1);
    for (size_t i = 0; i < dataset.images.size(); i++)
    {
        const ImageRecord& image = dataset.images[i];
        if (options_.training && !isTrainedOn(image, config_))
        {
            skippedEmpty += image.empty != EmptyImage::NO;
            continue;
        }
        background += options_.training && isBackground(image, config_.emptyImages);
        const SampleEntry entry{static_cast<int64_t>(i), config_.aspectGrouping && image.width > image.height};
        usableIndex_[i] = static_cast<int64_t>(usable_.size());
        usable_.push_back(entry);
        entries.insert(entries.end(), options_.training ? static_cast<size_t>(std::max(image.repeat, 1)) : 1, entry);
    }
    const std::string ofAll = " of " + std::to_string(dataset.images.size()) + " images";
    if (usable_.size() == background)
        fail("data set '" + dataset.name + "': none" + ofAll + " has a usable annotation");
    if (usable_.size() < dataset.images.size())
        warnings.push_back("data set '" + dataset.name +
                           "': " + std::to_string(dataset.images.size() - usable_.size()) + ofAll +
                           " have no usable annotation and are not trained on" +
                           (skippedEmpty == 0 ? ""
                                              : "; " + std::to_string(skippedEmpty) +
                                                    " of them have no object at all: with data.empty_images they "
                                                    "are trained on as background"));
    if (background > 0)
        warnings.push_back("data set '" + dataset.name + "': " + std::to_string(background) + ofAll +
                           " have no object and are trained on as background");
    return entries;
}

bool DataLoader::Impl::hasOutlines() const
{
    const auto some = [](const ImageRecord& image)
    {
        return std::any_of(image.annotations.begin(), image.annotations.end(),
                           [](const Annotation& a) { return a.segmentation && !a.crowd; });
    };
    return std::any_of(dataset.images.begin(), dataset.images.end(), some);
}

//! Index of the image read. In training an unreadable image is replaced by the next readable one of the group,
//! independent of previous draws.
int64_t DataLoader::Impl::readReplacing(const SampleEntry& entry, cv::Mat& image)
{
    image = source->read(entry.image);
    if (!image.empty() || !options_.training)
        return entry.image;
    const size_t start = static_cast<size_t>(usableIndex_[static_cast<size_t>(entry.image)]);
    for (const bool anyGroup : {false, true})
        for (size_t k = 1; k < usable_.size(); k++)
        {
            const SampleEntry& other = usable_[(start + k) % usable_.size()];
            if (other.group != entry.group && !anyGroup)
                continue;
            image = source->read(other.image);
            if (!image.empty())
                return other.image;
        }
    fail("data set '" + dataset.name + "': no image can be read");
}

//! The image of an entry, or in training the one in its place, with its objects. @param index of the image read.
Sample DataLoader::Impl::read(const SampleEntry& entry, int64_t& index)
{
    Sample sample;
    index = readReplacing(entry, sample.image);
    if (sample.image.empty())
        return sample;
    sample.boxes = usableBoxesWithMasks(dataset.images[static_cast<size_t>(index)], config_.minSide);
    fitMasks(sample);
    return sample;
}

AugmentSource DataLoader::Impl::augmentSource()
{
    const auto another = [this](Random& random)
    {
        int64_t index = 0;
        return read(usable_[static_cast<size_t>(random.below(usable_.size()))], index);
    };
    return {another, fill_};
}

Prepared DataLoader::Impl::prepare(const SampleDraw& draw)
{
    Prepared out;
    int64_t index = 0;
    Sample sample = read(draw.entry, index);
    out.imageId = dataset.images[static_cast<size_t>(index)].id;
    if (sample.image.empty())
        return out;

    cv::d2det::InputParams params = input_;
    if (options_.training)
    {
        Random random(seed_, static_cast<uint64_t>(draw.epoch), static_cast<uint64_t>(draw.position));
        params.shortSide = config_.shortSides[static_cast<size_t>(random.below(config_.shortSides.size()))];
        params.longSide = config_.longSide;
        augment(sample, config_, random, augmentSource());
    }
    cv::Mat imInfo;
    cv::d2det::prepareInput(sample.image, params, out.blob, imInfo);
    out.info.height = static_cast<int>(imInfo.at<float>(0, 0));
    out.info.width = static_cast<int>(imInfo.at<float>(0, 1));
    out.info.scale = imInfo.at<float>(0, 2);
    resizeBoxes(sample.boxes, sample.image.size(), {out.info.width, out.info.height});
    out.boxes = std::move(sample.boxes);
    if (!options_.masks)
        for (LabeledBox& box : out.boxes)
            box.mask = cv::Mat();
    return out;
}

//! A new batch at the end of the queue, or null at the end of the pass. The caller holds the mutex.
std::shared_ptr<Slot> DataLoader::Impl::openSlot()
{
    std::shared_ptr<Slot> slot = std::make_shared<Slot>();
    slot->draws = sampler_->next();
    sampler_->skip(options_.share.of - 1);
    if (slot->draws.empty())
    {
        ended_ = true;
        batchReady_.notify_all();
        return nullptr;
    }
    slot->samples.resize(slot->draws.size());
    slots_.push_back(slot);
    return slot;
}

//! Waits for a sample to process; null if the loader is being destroyed or the pass is finished.
std::shared_ptr<Slot> DataLoader::Impl::takeTask(std::unique_lock<std::mutex>& lock, size_t& index)
{
    while (!stop_)
    {
        std::shared_ptr<Slot> slot;
        for (const std::shared_ptr<Slot>& candidate : slots_)
            if (!slot && candidate->taken < candidate->draws.size())
                slot = candidate;
        if (!slot && !ended_ && !failure_ && slots_.size() < maxSlots_)
            slot = openSlot();
        if (slot)
        {
            index = slot->taken++;
            return slot;
        }
        if (ended_)
            return nullptr;
        workChanged_.wait(lock);
    }
    return nullptr;
}

void DataLoader::Impl::work()
{
    std::unique_lock<std::mutex> lock(mutex_);
    size_t index = 0;
    while (const std::shared_ptr<Slot> slot = takeTask(lock, index))
    {
        lock.unlock();
        std::exception_ptr error;
        try
        {
            slot->samples[index] = prepare(slot->draws[index]);
        }
        catch (...)
        {
            error = std::current_exception();
        }
        lock.lock();
        if (error && !slot->error)
            slot->error = error;
        if (++slot->done < slot->draws.size())
            continue;
        lock.unlock();
        try
        {
            if (!slot->error)
                slot->batch = collate(slot->samples, options_.pinned);
        }
        catch (...)
        {
            slot->error = std::current_exception();
        }
        slot->samples.clear();
        lock.lock();
        slot->ready = true;
        batchReady_.notify_all();
    }
}

//! Without threads. An error is permanent, as with threads: the samples of the lost batch would be missing.
bool DataLoader::Impl::makeHere(Batch& batch)
try
{
    if (failure_)
        std::rethrow_exception(failure_);
    const std::vector<SampleDraw> draws = sampler_->next();
    if (draws.empty())
        return false;
    std::vector<Prepared> samples;
    for (const SampleDraw& draw : draws)
        samples.push_back(prepare(draw));
    batch = collate(samples, options_.pinned);
    return true;
}
catch (...)
{
    failure_ = std::current_exception();
    throw;
}

bool DataLoader::Impl::takeReady(Batch& batch)
{
    std::unique_lock<std::mutex> lock(mutex_);
    batchReady_.wait(lock, [this] { return failure_ || (slots_.empty() ? ended_ : slots_.front()->ready); });
    if (!failure_ && slots_.empty())
        return false;
    if (!failure_)
        failure_ = slots_.front()->error;
    if (failure_)
        std::rethrow_exception(failure_);
    batch = std::move(slots_.front()->batch);
    slots_.pop_front();
    lock.unlock();
    workChanged_.notify_all();
    return true;
}

bool DataLoader::Impl::next(Batch& batch)
{
    const auto begin = std::chrono::steady_clock::now();
    bool any = true;
    do  // skip validation batches without a readable image
        any = threads_.empty() ? makeHere(batch) : takeReady(batch);
    while (any && batch.imageIds.empty());
    waitSeconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return any;
}

DataLoader::DataLoader(Dataset dataset, const DataConfig& config, const InputConfig& input, int batchSize,
                       uint64_t seed, int64_t startIteration, const LoaderOptions& options)
{
    if (batchSize < 1)
        fail("batch size is " + std::to_string(batchSize) + ", it must be at least 1");
    impl_ = std::make_unique<Impl>(std::move(dataset), config, input, batchSize, seed, startIteration, options);
}

DataLoader::~DataLoader() = default;

bool DataLoader::next(Batch& batch)
{
    return impl_->next(batch);
}

Batch DataLoader::next()
{
    Batch batch;
    if (!impl_->next(batch))
        fail("the validation pass is over; use next(Batch&), which says so");
    return batch;
}

const Dataset& DataLoader::dataset() const
{
    return impl_->dataset;
}

int64_t DataLoader::imagesPerEpoch() const
{
    return impl_->imagesPerEpoch;
}

double DataLoader::waitSeconds() const
{
    return impl_->waitSeconds;
}

std::string DataLoader::samplingSummary() const
{
    return impl_->samplingSummary;
}

std::vector<std::string> DataLoader::warnings() const
{
    std::vector<std::string> all = impl_->warnings;
    const std::vector<std::string> bad = impl_->source->warnings();
    all.insert(all.end(), bad.begin(), bad.end());
    return all;
}

}  // namespace d2det
