// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* After the first image of a size a detector takes no large block of memory any more: what it needs is kept. Counted
   are blocks of 64 KiB and more of cv::Mat and of operator new; small ones are cv::dnn's own book-keeping. */

#include "test_precomp.hpp"

#include "opencv2/imgproc.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace
{

constexpr size_t LARGE = 64 * 1024;
std::atomic<int> largeBlocks{0};

void count(size_t bytes)
{
    if (bytes >= LARGE)
        largeBlocks++;
}

}  // namespace

// The program's own operator new serves the libraries too.
void* operator new(size_t bytes)
{
    count(bytes);
    if (void* memory = std::malloc(bytes ? bytes : 1))
        return memory;
    throw std::bad_alloc();
}

void* operator new[](size_t bytes)
{
    return operator new(bytes);
}

void operator delete(void* memory) noexcept
{
    std::free(memory);
}

void operator delete[](void* memory) noexcept
{
    std::free(memory);
}

void operator delete(void* memory, size_t) noexcept
{
    std::free(memory);
}

void operator delete[](void* memory, size_t) noexcept
{
    std::free(memory);
}

namespace opencv_test
{
namespace
{

//! OpenCV's standard allocator, with a count.
class CountingAllocator : public cv::MatAllocator
{
public:
    cv::UMatData* allocate(int dims, const int* sizes, int type, void* data, size_t* step, cv::AccessFlag flags,
                           cv::UMatUsageFlags usage) const CV_OVERRIDE
    {
        size_t bytes = CV_ELEM_SIZE(type);
        for (int i = 0; i < dims; i++)
            bytes *= sizes[i];
        if (!data)
            count(bytes);
        return cv::Mat::getStdAllocator()->allocate(dims, sizes, type, data, step, flags, usage);
    }
    bool allocate(cv::UMatData* data, cv::AccessFlag flags, cv::UMatUsageFlags usage) const CV_OVERRIDE
    {
        return cv::Mat::getStdAllocator()->allocate(data, flags, usage);
    }
    void deallocate(cv::UMatData* data) const CV_OVERRIDE { cv::Mat::getStdAllocator()->deallocate(data); }
};

//! While it lives, all matrices are counted.
class CountMatrices
{
public:
    CountMatrices() { cv::Mat::setDefaultAllocator(&allocator()); }
    ~CountMatrices() { cv::Mat::setDefaultAllocator(cv::Mat::getStdAllocator()); }

private:
    static CountingAllocator& allocator()
    {
        static CountingAllocator instance;  // outlives every matrix it has made
        return instance;
    }
};

Mat paintedImage(int seed)
{
    Mat image(480, 640, CV_8UC3);
    RNG rng(seed);
    rng.fill(image, RNG::UNIFORM, 0, 256);
    GaussianBlur(image, image, Size(31, 31), 8);
    return image;
}

TEST(D2Det_Memory, no_large_block_after_the_first_image_of_a_size)
{
    const int threads = cv::getNumThreads();
    cv::setNumThreads(1);  // with more, a thread takes its memory when it first gets a task of the largest size
    const CountMatrices scope;
    const Ptr<d2det::Detector> detector =
        d2det::Detector::create(D2DET_SOURCE_DIR "/data/models/d2det_mnv2_person.onnx");
    detector->setScoreThreshold(0.f);  // as many detections as the model can hold
    const std::vector<Mat> images{paintedImage(1), paintedImage(2), paintedImage(3)};
    Mat detections;
    largeBlocks = 0;
    detector->detect(images[0], detections);
    EXPECT_GT(largeBlocks, 50) << "the counter does not count";
    ASSERT_GT(detections.rows, 3);
    largeBlocks = 0;
    for (const Mat& image : images)
        detector->detect(image, detections);
    EXPECT_EQ(0, largeBlocks);
    cv::setNumThreads(threads);
}

}  // namespace
}  // namespace opencv_test
