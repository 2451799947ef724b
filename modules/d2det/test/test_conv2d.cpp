// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution of whole maps: the fast kernel against the reference, and the bundled model with our convolutions against
   the same model with those of cv::dnn. Inputs of the kernel's tests are small integers, so that results are exact, or
   with Winograd's method exact once rounded. */

#include "operator_tests.hpp"

#include "kernels/conv2d.hpp"
#include "opencv2/imgproc.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

Conv2d::Problem makeProblem(Conv2d::Case c, bool integers, uint64_t seed)
{
    c.integers = integers;
    return Conv2d::Problem(c, seed);
}

Floats fast(const Conv2d::Problem& p, const GemmKernel& kernel)
{
    Arrays<float> arrays(p, NOT_A_NUMBER);
    p.fast(arrays.forward(), kernel);
    return arrays.out[0];
}

Floats reference(const Conv2d::Problem& p)
{
    return runReference(p).outputs[0];
}

const ConvolutionMethod METHODS[] = {ConvolutionMethod::DIRECT, ConvolutionMethod::WINOGRAD, ConvolutionMethod::AUTO};

TEST(D2Det_Conv2d, equals_reference_on_integers)
{
    for (const Conv2d::Case& c : Conv2d::smallCases())
        for (int variant = 0; variant < 3; variant++)
        {
            Conv2d::Problem t = makeProblem(c, true, 11);
            t.p.relu = variant > 0;
            t.p.ceiling = variant == 2 ? 6.f : 0.f;
            t.bias = variant != 1;
            const Floats expected = reference(t);
            for (const GemmKernel* kernel : allGemmKernels())
            {
                SCOPED_TRACE(cv::format("%s, variant %d, %s", c.name.c_str(), variant, kernel->name));
                t.p.method = ConvolutionMethod::DIRECT;
                ASSERT_EQ(expected, fast(t, *kernel));
                t.p.method = ConvolutionMethod::WINOGRAD;
                const Floats Y = fast(t, *kernel);
                for (size_t i = 0; i < Y.size(); i++)  // an integer is hit or missed by one at least
                    ASSERT_NEAR(expected[i], Y[i], c.winogradFits() ? 0.02f : 0.f) << i;
            }
        }
}

//! Relative to the output's root mean square; what the header says, with room.
TEST(D2Det_Conv2d, error_of_winograd)
{
    Random random(16);
    Conv2d::Problem t = makeProblem({"", 1, 256, 40, 44, 64, 3, 3, 1, 1, 1, 1}, true, 16);
    for (float& x : t.input("X").values)
        x = std::max(0.f, random.gaussian(1.));
    for (float& w : t.input("weight").values)
        w = random.gaussian(0.05);
    const Floats expected = reference(t);
    double error[2] = {}, worst[2] = {}, square = 0;
    for (const float y : expected)
        square += double(y) * y / expected.size();
    for (int k = 0; k < 2; k++)
    {
        t.p.method = METHODS[k];
        const Floats Y = fast(t, gemmKernel());
        for (size_t i = 0; i < Y.size(); i++)
        {
            const double difference = double(Y[i]) - expected[i];
            error[k] += difference * difference / Y.size();
            worst[k] = std::max(worst[k], std::abs(difference));
        }
    }
    EXPECT_LT(std::sqrt(error[0] / square), 1e-6);
    EXPECT_LT(std::sqrt(error[1] / square), 3e-6);
    EXPECT_GT(error[1], error[0]) << "both took the same way";
    EXPECT_LT(worst[1] / std::sqrt(square), 5e-5);
}

TEST(D2Det_Conv2d, winograd_where_it_pays)
{
    const GemmKernel& kernel = gemmKernel();
    const auto pays = [&kernel](int in, int out, int64_t tiles)
    { return useWinograd(ConvolutionMethod::AUTO, in, out, tiles, tiles * WinogradTiles::PIXELS, kernel); };
    EXPECT_TRUE(pays(256, 256, 1000));
    EXPECT_TRUE(pays(64, 64, 4200));
    EXPECT_FALSE(pays(256, 256, 1)) << "the weights are transformed for one tile";
    EXPECT_FALSE(pays(3, 8, 4200)) << "the transforms cost more than the products";
    EXPECT_FALSE(pays(1 << 20, 256, 1000)) << "a malicious model must not cost gigabytes";
    EXPECT_FALSE(useWinograd(ConvolutionMethod::DIRECT, 256, 256, 1000, 16000, kernel));
    EXPECT_TRUE(useWinograd(ConvolutionMethod::WINOGRAD, 1, 1, 1, 1, kernel));
    EXPECT_FALSE(useWinograd(ConvolutionMethod::AUTO, 256, 256, 1000, 2000, kernel)) << "mostly empty tiles";
}

TEST(D2Det_Conv2d, threads_do_not_change_a_bit)
{
    const int before = cv::getNumThreads();
    for (const Conv2d::Case& c : Conv2d::smallCases())
        for (const ConvolutionMethod method : METHODS)
        {
            Conv2d::Problem t = makeProblem(c, false, 12);
            t.p.method = method;
            cv::setNumThreads(1);
            const Floats one = fast(t, gemmKernel());
            for (int threads : {2, 4, 7})
            {
                cv::setNumThreads(threads);
                EXPECT_EQ(one, fast(t, gemmKernel())) << c.name << ", " << threads << " threads";
            }
        }
    cv::setNumThreads(before);
}

//! Transformed filters are kept where the weight is constant and memory allows; that changes no bit.
TEST(D2Det_Conv2d, kept_filters_change_no_bit)
{
    for (const Conv2d::Case& c : Conv2d::smallCases())
    {
        if (!c.winogradFits())
            continue;
        Conv2d::Problem t = makeProblem(c, false, 14);
        t.p.method = ConvolutionMethod::WINOGRAD;
        for (const GemmKernel* kernel : allGemmKernels())
        {
            SCOPED_TRACE(cv::format("%s, %s", c.name.c_str(), kernel->name));
            std::vector<PackedMatrix> filters = packFilters(t.p, t.input("weight").values.data(), *kernel);
            PackedMatrix& packed = filters[0];
            const auto run = [&]
            {
                Floats Y(elements(t.outputs[0].shape), NOT_A_NUMBER);
                conv2dCpu(t.p, t.s, t.input("X").values.data(), filters, t.input("bias").values.data(), Y.data());
                return Y;
            };
            packed.constant = false;
            const Floats transformedAnew = run();
            EXPECT_FALSE(packed.winograd) << "kept, although it is used once";
            packed.constant = true;
            keepWinogradFilters(packed, c.channels, 1000);
            EXPECT_FALSE(packed.winograd) << "exceeds the limit";
            EXPECT_EQ(transformedAnew, run());
            ASSERT_TRUE(packed.winograd != nullptr);
            const WinogradFilters* kept = packed.winograd.get();
            EXPECT_EQ(transformedAnew, run());
            EXPECT_EQ(kept, packed.winograd.get()) << "transformed twice";
        }
    }
}

//! What a layer kept is free for others when the layer is gone.
TEST(D2Det_Conv2d, memory_of_kept_filters_is_given_back)
{
    constexpr int CHANNELS = 64, LAYERS = 20;
    const Floats weight(size_t(CHANNELS) * CHANNELS * 9, 1.f);
    constexpr size_t LIMIT = size_t(2) << 20;  // one has 0.6 MB; others of this process have none at present
    int kept = 0;
    for (int i = 0; i < LAYERS; i++)
    {
        const PackedMatrix packed = packMatrix(weight.data(), CHANNELS, 9 * CHANNELS);
        keepWinogradFilters(packed, CHANNELS, LIMIT);
        kept += packed.winograd != nullptr;
    }
    EXPECT_EQ(LAYERS, kept);
    std::vector<PackedMatrix> together;
    kept = 0;
    for (int i = 0; i < LAYERS; i++)
    {
        together.push_back(packMatrix(weight.data(), CHANNELS, 9 * CHANNELS));
        keepWinogradFilters(together.back(), CHANNELS, LIMIT);
        kept += together.back().winograd != nullptr;
    }
    EXPECT_GE(kept, 1);
    EXPECT_LE(kept, 3);
}

TEST(D2Det_Conv2d, NaN_stays_where_it_belongs)
{
    Conv2d::Problem t = makeProblem({"3x3", 2, 7, 10, 70, 13, 3, 3, 1, 1, 1, 1}, true, 13);
    t.p.relu = true;
    t.p.ceiling = 6.f;
    t.input("X").values[5 * t.s.width + 30] = NOT_A_NUMBER;  // first image, first channel, row 5
    for (const ConvolutionMethod method : {ConvolutionMethod::DIRECT, ConvolutionMethod::WINOGRAD})
    {
        t.p.method = method;
        const Floats Y = fast(t, gemmKernel());
        const int reach = method == ConvolutionMethod::DIRECT ? 1 : 1 + 3;  // of the cell; of the tiles that it lies in
        for (int y = 0; y < t.s.outHeight; y++)
            for (int x = 0; x < t.s.outWidth; x++)
            {
                const bool isNaN = std::isnan(Y[static_cast<size_t>(y) * t.s.outWidth + x]);
                const int distance = std::max(std::abs(y - 5), std::abs(x - 30));
                EXPECT_TRUE(isNaN ? distance <= reach : distance > 1) << y << ", " << x;
            }
    }
}

//////////////////////////////////////////// in a network ////////////////////////////////////////////

//! Sets an environment variable and puts it back.
class Environment
{
public:
    Environment(const char* name, const char* value) : name_(name)
    {
        const char* old = std::getenv(name);
        had_ = old != nullptr;
        old_ = old ? old : "";
        setenv(name, value, 1);
    }
    ~Environment()
    {
        if (had_)
            setenv(name_, old_.c_str(), 1);
        else
            unsetenv(name_);
    }

private:
    const char* name_;
    std::string old_;
    bool had_;
};

Mat detectWith(const char* convolution, const Mat& image, int* threads = nullptr)
{
    const Environment environment("OPENCV_D2DET_CONVOLUTION", convolution);
    const Ptr<d2det::Detector> detector =
        d2det::Detector::create(D2DET_SOURCE_DIR "/data/models/d2det_mnv2_person.onnx");
    detector->setScoreThreshold(0.01f);
    if (threads)
        cv::setNumThreads(*threads);
    Mat detections;
    detector->detect(image, detections);
    return detections;
}

//! Something with edges of all sizes, at a size that is no multiple of anything.
Mat paintedImage()
{
    RNG rng(14);
    Mat image(237, 341, CV_8UC3, Scalar(120, 140, 160));
    for (int i = 0; i < 60; i++)
    {
        const Point center(rng.uniform(0, image.cols), rng.uniform(0, image.rows));
        const Size axes(rng.uniform(2, 30), rng.uniform(4, 70));
        ellipse(image, center, axes, 0, 0, 360, Scalar(rng.uniform(0, 256), rng.uniform(0, 256), rng.uniform(0, 256)),
                FILLED);
    }
    return image;
}

TEST(D2Det_Conv2d, network_agrees_with_that_of_dnn)
{
    const Mat image = paintedImage();
    const Mat ours = detectWith("d2det", image), theirs = detectWith("dnn", image);
    ASSERT_EQ(ours.size(), theirs.size());
    ASSERT_GT(ours.rows, 3);
    for (int i = 0; i < ours.rows; i++)
        for (int j = 0; j < 6; j++)
            EXPECT_NEAR(ours.at<float>(i, j), theirs.at<float>(i, j), j < 4 ? 0.05f : 2e-3f) << i << " " << j;
}

TEST(D2Det_Conv2d, network_gives_the_same_bits_for_any_number_of_threads)
{
    const int before = cv::getNumThreads();
    const Mat image = paintedImage();
    int threads = 1;
    const Mat one = detectWith("d2det", image, &threads);
    for (threads = 2; threads <= 4; threads++)
    {
        const Mat more = detectWith("d2det", image, &threads);
        ASSERT_EQ(one.size(), more.size());
        EXPECT_EQ(0, std::memcmp(one.data, more.data, one.total() * one.elemSize())) << threads << " threads";
    }
    cv::setNumThreads(before);
}

TEST(D2Det_Conv2d, refuses_an_unknown_choice)
{
    EXPECT_THROW(detectWith("fastest", paintedImage()), cv::Exception);
}

}  // namespace
}  // namespace opencv_test
