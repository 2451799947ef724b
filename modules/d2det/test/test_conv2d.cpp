// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Convolution of whole maps: the fast kernel against the reference, and the bundled model with our convolutions against
   the same model with those of cv::dnn. Inputs of the kernel's tests are small integers, so that results are exact, or
   with Winograd's method exact once rounded. */

#include "test_precomp.hpp"

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

std::vector<float> integers(RNG& rng, size_t count)
{
    std::vector<float> values(count);
    for (float& v : values)
        v = static_cast<float>(rng.uniform(-4, 5));
    return values;
}

struct Conv2dCase
{
    const char* name;
    int batch, channels, height, width, outChannels;
    int kernelHeight, kernelWidth, stride, dilation, pad, padEnd;
};

const Conv2dCase CASES[] = {
    // name           N   C   h   w   O  kh kw s  d  p  p'
    {"one value", 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
    {"1x1", 2, 19, 9, 13, 30, 1, 1, 1, 1, 0, 0},
    {"1x1, stride 2", 1, 8, 12, 11, 25, 1, 1, 2, 1, 0, 0},
    {"3x3", 2, 7, 10, 70, 13, 3, 3, 1, 1, 1, 1},
    {"3x3, wide", 1, 3, 4, 300, 12, 3, 3, 1, 1, 1, 1},
    {"3x3, stride 2", 1, 5, 33, 47, 24, 3, 3, 2, 1, 1, 1},
    {"pad at the end only", 1, 5, 32, 46, 24, 3, 3, 2, 1, 0, 1},
    {"7x7, stride 2", 1, 3, 40, 52, 64, 7, 7, 2, 1, 3, 3},
    {"dilated", 1, 4, 17, 19, 6, 3, 3, 1, 2, 2, 2},
    {"1x5", 1, 4, 6, 40, 9, 1, 5, 1, 1, 0, 0},
    {"deep", 1, 300, 5, 7, 50, 3, 3, 1, 1, 1, 1},
    {"3x3, no border", 1, 40, 23, 30, 61, 3, 3, 1, 1, 0, 0},
    {"3x3, a border at the end only", 2, 20, 9, 10, 14, 3, 3, 1, 1, 0, 2},
    {"3x3, border of two", 1, 9, 5, 6, 50, 3, 3, 1, 1, 2, 2},
    {"3x3, one row", 1, 6, 1, 37, 3, 3, 3, 1, 1, 1, 1},
    {"3x3, more than one task", 1, 32, 70, 64, 100, 3, 3, 1, 1, 1, 1},
    {"many channels", 1, 16, 6, 5, 500, 1, 1, 1, 1, 0, 0},
};

struct Prepared
{
    Conv2dParams p;
    Conv2dShape s;
    std::vector<float> X, weight, bias, Y;
};

Prepared prepare(const Conv2dCase& c, RNG& rng)
{
    Prepared t;
    t.p.inChannels = c.channels;
    t.p.outChannels = c.outChannels;
    t.p.kernelHeight = c.kernelHeight;
    t.p.kernelWidth = c.kernelWidth;
    t.p.strideY = t.p.strideX = c.stride;
    t.p.dilationY = t.p.dilationX = c.dilation;
    t.p.padTop = t.p.padLeft = c.pad;
    const auto length = [&c](int in, int kernel)
    { return (in + c.pad + c.padEnd - c.dilation * (kernel - 1) - 1) / c.stride + 1; };
    t.s = {c.batch, c.height, c.width, length(c.height, c.kernelHeight), length(c.width, c.kernelWidth)};
    t.X = integers(rng, static_cast<size_t>(c.batch) * c.channels * c.height * c.width);
    t.weight = integers(rng, static_cast<size_t>(c.outChannels) * c.channels * c.kernelHeight * c.kernelWidth);
    t.bias = integers(rng, c.outChannels);
    t.Y.assign(static_cast<size_t>(c.batch) * c.outChannels * t.s.outHeight * t.s.outWidth, NAN);
    return t;
}

std::vector<float> fast(const Prepared& t, const GemmKernel& kernel, bool withBias)
{
    std::vector<float> Y(t.Y.size(), NAN);
    const int depth = static_cast<int>(t.weight.size()) / t.p.outChannels;
    conv2dCpu(t.p, t.s, t.X.data(), packMatrix(t.weight.data(), t.p.outChannels, depth, kernel),
              withBias ? t.bias.data() : nullptr, Y.data());
    return Y;
}

const ConvolutionMethod METHODS[] = {ConvolutionMethod::DIRECT, ConvolutionMethod::WINOGRAD, ConvolutionMethod::AUTO};

//! Whether WINOGRAD means something else than DIRECT.
bool winogradFits(const Conv2dCase& c)
{
    return c.kernelHeight == 3 && c.kernelWidth == 3 && c.stride == 1 && c.dilation == 1;
}

TEST(D2Det_Conv2d, equals_reference_on_integers)
{
    const GemmKernel* kernels[3];
    const int count = gemmKernels(kernels);
    RNG rng(11);
    for (const Conv2dCase& c : CASES)
        for (int variant = 0; variant < 3; variant++)
        {
            Prepared t = prepare(c, rng);
            t.p.relu = variant > 0;
            t.p.ceiling = variant == 2 ? 6.f : 0.f;
            const bool withBias = variant != 1;
            conv2dRef(t.p, t.s, t.X.data(), t.weight.data(), withBias ? t.bias.data() : nullptr, t.Y.data());
            for (int k = 0; k < count; k++)
            {
                SCOPED_TRACE(cv::format("%s, variant %d, %s", c.name, variant, kernels[k]->name));
                t.p.method = ConvolutionMethod::DIRECT;
                ASSERT_EQ(t.Y, fast(t, *kernels[k], withBias));
                t.p.method = ConvolutionMethod::WINOGRAD;
                const std::vector<float> Y = fast(t, *kernels[k], withBias);
                for (size_t i = 0; i < Y.size(); i++)  // an integer is hit or missed by one at least
                    ASSERT_NEAR(t.Y[i], Y[i], winogradFits(c) ? 0.02f : 0.f) << i;
            }
        }
}

//! Relative to the output's root mean square; what the header says, with room.
TEST(D2Det_Conv2d, error_of_winograd)
{
    RNG rng(16);
    const Conv2dCase c = {"", 1, 256, 40, 44, 64, 3, 3, 1, 1, 1, 1};
    Prepared t = prepare(c, rng);
    for (float& x : t.X)
        x = std::max(0.f, static_cast<float>(rng.gaussian(1.)));
    for (float& w : t.weight)
        w = static_cast<float>(rng.gaussian(0.05));
    conv2dRef(t.p, t.s, t.X.data(), t.weight.data(), t.bias.data(), t.Y.data());
    double error[2] = {}, worst[2] = {}, square = 0;
    for (const float y : t.Y)
        square += double(y) * y / t.Y.size();
    for (int k = 0; k < 2; k++)
    {
        t.p.method = METHODS[k];
        const std::vector<float> Y = fast(t, gemmKernel(), true);
        for (size_t i = 0; i < Y.size(); i++)
        {
            const double difference = double(Y[i]) - t.Y[i];
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
    EXPECT_FALSE(pays(1 << 20, 256, 1000)) << "a hostile model must not cost gigabytes";
    EXPECT_FALSE(useWinograd(ConvolutionMethod::DIRECT, 256, 256, 1000, 16000, kernel));
    EXPECT_TRUE(useWinograd(ConvolutionMethod::WINOGRAD, 1, 1, 1, 1, kernel));
    EXPECT_FALSE(useWinograd(ConvolutionMethod::AUTO, 256, 256, 1000, 2000, kernel)) << "mostly empty tiles";
}

TEST(D2Det_Conv2d, threads_do_not_change_a_bit)
{
    const int before = cv::getNumThreads();
    RNG rng(12);
    for (const Conv2dCase& c : CASES)
        for (const ConvolutionMethod method : METHODS)
        {
            Prepared t = prepare(c, rng);
            t.p.method = method;
            for (float& x : t.X)
                x = rng.uniform(-1.f, 1.f);
            cv::setNumThreads(1);
            const std::vector<float> one = fast(t, gemmKernel(), true);
            for (int threads : {2, 4, 7})
            {
                cv::setNumThreads(threads);
                EXPECT_EQ(one, fast(t, gemmKernel(), true)) << c.name << ", " << threads << " threads";
            }
        }
    cv::setNumThreads(before);
}

TEST(D2Det_Conv2d, NaN_stays_where_it_belongs)
{
    RNG rng(13);
    Prepared t = prepare(CASES[3], rng);
    t.p.relu = true;
    t.p.ceiling = 6.f;
    t.X[5 * t.s.width + 30] = NAN;  // first image, first channel, row 5
    for (const ConvolutionMethod method : {ConvolutionMethod::DIRECT, ConvolutionMethod::WINOGRAD})
    {
        t.p.method = method;
        const std::vector<float> Y = fast(t, gemmKernel(), true);
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
Mat picture()
{
    RNG rng(14);
    Mat image(237, 341, CV_8UC3, Scalar(120, 140, 160));
    for (int i = 0; i < 60; i++)
    {
        const Point centre(rng.uniform(0, image.cols), rng.uniform(0, image.rows));
        const Size axes(rng.uniform(2, 30), rng.uniform(4, 70));
        ellipse(image, centre, axes, 0, 0, 360, Scalar(rng.uniform(0, 256), rng.uniform(0, 256), rng.uniform(0, 256)),
                FILLED);
    }
    return image;
}

TEST(D2Det_Conv2d, network_agrees_with_that_of_dnn)
{
    const Mat image = picture();
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
    const Mat image = picture();
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
    EXPECT_THROW(detectWith("fastest", picture()), cv::Exception);
}

}  // namespace
}  // namespace opencv_test
