// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* drawDetections: what it may touch, which colors, which order. */

#include "test_precomp.hpp"

#include "opencv2/d2det/drawing.hpp"
#include "opencv2/d2det/masks.hpp"
#include "opencv2/imgproc.hpp"

#include <limits>

namespace opencv_test
{
namespace
{

using cv::d2det::drawDetections;

Mat oneDetection(float x1, float y1, float x2, float y2, float score, float classId)
{
    return Mat(Matx<float, 1, 6>(x1, y1, x2, y2, score, static_cast<float>(classId)));
}

bool same(const Mat& a, const Mat& b)
{
    return cv::norm(a, b, NORM_INF) == 0;
}

//! Color of a class: the middle of the left line of its box, on black.
Vec3b colorOf(int classId)
{
    Mat image(400, 400, CV_8UC3, Scalar::all(0));
    drawDetections(image, oneDetection(100, 100, 300, 350, 0.9f, float(classId)));
    return image.at<Vec3b>(300, 100);
}

TEST(D2Det_Drawing, draws_box_and_label)
{
    Mat image(400, 400, CV_8UC3, Scalar::all(128));
    const Mat before = image.clone();
    drawDetections(image, oneDetection(100, 100, 300, 350, 0.9f, 0), {"person"});
    Mat changed;
    cv::compare(image.reshape(1), before.reshape(1), changed, CMP_NE);
    EXPECT_GT(cv::countNonZero(changed), 0);
    EXPECT_TRUE(same(image(Rect(120, 130, 160, 200)), before(Rect(120, 130, 160, 200)))) << "inside of the box";
    EXPECT_TRUE(same(image(Rect(0, 360, 400, 40)), before(Rect(0, 360, 400, 40)))) << "below the box";
    EXPECT_FALSE(same(image(Rect(110, 82, 60, 14)), before(Rect(110, 82, 60, 14)))) << "label above the box";
}

TEST(D2Det_Drawing, stays_inside_the_image)
{
    RNG rng(7);
    for (int round = 0; round < 200; round++)
    {
        Mat canvas(220, 260, CV_8UC3, Scalar::all(60));
        const Rect part(30, 30, rng.uniform(1, 200), rng.uniform(1, 160));
        Mat image = canvas(part), detections(0, 6, CV_32F);
        for (int i = 0; i < 10; i++)
        {
            const float x = rng.uniform(-300.f, 300.f), y = rng.uniform(-300.f, 300.f);
            detections.push_back(oneDetection(x, y, x + rng.uniform(-10.f, 500.f), y + rng.uniform(-10.f, 500.f),
                                              rng.uniform(0.f, 1.f), float(rng.uniform(-2, 100))));
        }
        drawDetections(image, detections, {"a", "a name that is much longer than the image is wide, and then some"});
        ASSERT_EQ(canvas.data + 30 * canvas.step + 30 * 3, image.data) << "not in place";
        canvas(part).setTo(Scalar::all(60));
        ASSERT_EQ(0, cv::norm(canvas, Mat(canvas.size(), CV_8UC3, Scalar::all(60)), NORM_INF)) << part;
    }
}

//! A label goes below its box where it would hide another object above.
TEST(D2Det_Drawing, labels_do_not_hide_objects)
{
    const Rect above(100, 180, 60, 18), below(100, 262, 60, 16);  // of the image: where the label may be
    for (const bool crowded : {false, true})
    {
        Mat detections = oneDetection(100, 200, 140, 260, 0.9f, 0);
        if (crowded)
            detections.push_back(oneDetection(100, 176, 140, 194, 0.5f, 0));
        Mat image(400, 400, CV_8UC3, Scalar::all(128));
        drawDetections(image, detections, {"person"});
        Mat chips;  // the color of the class
        cv::inRange(image, cv::d2det::classColor(0), cv::d2det::classColor(0), chips);
        EXPECT_EQ(crowded, cv::countNonZero(chips(below)) > below.area() / 3);
        EXPECT_EQ(!crowded, cv::countNonZero(chips(above)) > above.area() / 3);
    }
}

//! Masks of the size of their boxes are drawn as entire ones.
TEST(D2Det_Drawing, masks_in_boxes)
{
    RNG rng(5);
    const Size size(300, 200);
    Mat detections(0, 6, CV_32F);
    std::vector<cv::d2det::BoxMask> parts;
    std::vector<Mat> entire;
    for (const Rect2d& box : {Rect2d(20, 30, 120, 90), Rect2d(-30, 150, 200, 90), Rect2d(250, -5, 90, 80)})
    {
        detections.push_back(oneDetection(float(box.x), float(box.y), float(box.br().x), float(box.br().y), 0.9f, 0));
        Mat map(7, 7, CV_32F);
        rng.fill(map, RNG::UNIFORM, 0, 1);
        parts.push_back(cv::d2det::cropMask(map, Vec4d(box.x, box.y, box.br().x, box.br().y), size));
        entire.emplace_back();
        cv::d2det::pasteMask(parts.back(), entire.back());
    }
    Mat image(size, CV_8UC3, Scalar::all(90)), expected = image.clone();
    cv::d2det::DrawParams params;
    params.classNames = {"person"};
    drawDetections(image, detections, parts, params);
    drawDetections(expected, detections, entire, params.classNames);
    EXPECT_TRUE(same(expected, image));

    parts.back().imageSize = Size(300, 201);
    EXPECT_THROW(drawDetections(image, detections, parts, params), cv::Exception);
    parts.pop_back();
    EXPECT_THROW(drawDetections(image, detections, parts, params), cv::Exception);
}

TEST(D2Det_Drawing, colors_and_labels_of_objects)
{
    const Mat detections = oneDetection(100, 100, 300, 350, 0.9f, 0);
    cv::d2det::DrawParams params;
    params.colors = {Scalar(10, 20, 30)};
    Mat image(400, 400, CV_8UC3, Scalar::all(0));
    drawDetections(image, detections, {}, params);
    EXPECT_LT(cv::norm(Vec3d(10, 20, 30) - Vec3d(image.at<Vec3b>(300, 100))), 10);  // the line has soft borders
    params.labels = {"one", "two"};
    EXPECT_THROW(drawDetections(image, detections, {}, params), cv::Exception);
    for (int a = 0; a < 20; a++)
        for (int b = a + 1; b < a + 5; b++)
            EXPECT_GT(cv::norm(cv::d2det::instanceColor(a) - cv::d2det::instanceColor(b)), 40) << a << " and " << b;
}

//! The font of texts while it lives.
struct TextFont
{
    explicit TextFont(const std::string& file) { cv::d2det::setTextFont(file); }
    ~TextFont() { cv::d2det::setTextFont(""); }
};

//! Without a font a name is drawn as the Latin letters that follow here.
TEST(D2Det_Drawing, names_in_other_alphabets)
{
    const TextFont none("none");
    const std::pair<const char*, const char*> names[] = {
        {"Fu\xc3\x9fg\xc3\xa4nger", "Fussganger"},
        {"\xc5\x81\xc3\xb3\xc4\x91ka \xc5\xbe\xc5\xbf", "Lodka zs"},
        {"\xd0\xa7\xd0\xb5\xd0\xbb\xd0\xbe\xd0\xb2\xd0\xb5\xd0\xba", "Chelovek"},
        {"\xce\xac\xce\xbd\xce\xb8\xcf\x81\xcf\x89\xcf\x80\xce\xbf\xcf\x82", "anthropos"},
        {"e\xcc\x81t\xc3\xa9", "ete"},      // composed of two characters and of one
        {"A\xe4\xba\xba", "A?"},            // a character without letters beside one that has
        {"\xe8\xa1\x8c\xe4\xba\xba", "0"},  // nothing to draw: the number of the class
        {"a\xff\xc3", "a??"},               // malformed UTF-8
        {"\xe2\x80\x8b", "0"},              // only a joiner that nobody sees
        {"", ""}};
    for (const auto& name : names)
    {
        Mat image(400, 400, CV_8UC3, Scalar::all(0)), expected = image.clone();
        drawDetections(image, oneDetection(100, 100, 300, 350, 0.9f, 0), {name.first});
        drawDetections(expected, oneDetection(100, 100, 300, 350, 0.9f, 0), {name.second});
        EXPECT_TRUE(same(expected, image)) << name.first;
    }
}

//! Names in Latin letters with accents, Cyrillic and Greek, and how many characters they have.
const std::pair<const char*, size_t> FOREIGN_NAMES[] = {
    {"Fu\xc3\x9fg\xc3\xa4nger", 9},
    {"\xc5\x81\xc3\xb3\xc4\x91ka", 5},
    {"\xd0\xa7\xd0\xb5\xd0\xbb\xd0\xbe\xd0\xb2\xd0\xb5\xd0\xba", 7},
    {"\xce\xac\xce\xbd\xce\xb8\xcf\x81\xcf\x89\xcf\x80\xce\xbf\xcf\x82", 8}};

const char* const NO_FONT = "SKIPPED: built without FreeType, or the system has no font for names that are not ASCII";

bool haveFont()
{
    for (const auto& name : FOREIGN_NAMES)
        if (cv::d2det::getTextFont(name.first).empty())
            return false;
    return true;
}

//! With a font a name is drawn in its own letters: not as question marks, not as Latin ones, each name as no other.
TEST(D2Det_Drawing, names_in_their_own_letters)
{
    if (!haveFont())
        D2DET_SKIP_TEST(NO_FONT);
    const auto drawn = [](const std::string& name)
    {
        Mat image(400, 400, CV_8UC3, Scalar::all(0));
        drawDetections(image, oneDetection(100, 100, 300, 350, 0.9f, 0), {name});
        return image;
    };
    for (const auto& name : FOREIGN_NAMES)
    {
        const Mat image = drawn(name.first);
        EXPECT_FALSE(same(image, drawn(std::string(name.second, '?')))) << name.first;
        EXPECT_TRUE(same(image, drawn(name.first))) << name.first;
        for (const auto& other : FOREIGN_NAMES)
            EXPECT_EQ(name.first == other.first, same(image, drawn(other.first))) << name.first << " " << other.first;
        const TextFont none("none");
        EXPECT_FALSE(same(image, drawn(name.first))) << name.first;
        EXPECT_EQ("", cv::d2det::getTextFont(name.first));
    }
    EXPECT_EQ("", cv::d2det::getTextFont("person"));
    EXPECT_EQ("", cv::d2det::getTextFont("\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85"));  // Arabic letters join
    EXPECT_TRUE(same(drawn("\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85"), drawn("0"))) << "the number of the class";
}

//! What is drawn of a text lies where measureText says, on images of any number of channels; the rest is cut off.
TEST(D2Det_Drawing, texts_have_their_measured_size)
{
    for (const char* const text :
         {"person", "fix", "W\xc3\xa4rter", "Z\xc3\xbcndfixierung", "\xd0\xa4\xd0\xb8\xd1\x88\xd0\xba\xd0\xb0"})
        for (const double scale : {0.36, 0.5, 1., 2.3})
        {
            int baseline = 0;
            const Size size = cv::d2det::measureText(text, scale, 1, &baseline);
            Mat image(160, 900, CV_8UC1, Scalar(0)), color(image.size(), CV_8UC4, Scalar::all(0)), channel;
            const Point origin(40, 90);
            cv::d2det::drawText(image, text, origin, scale, Scalar(255));
            // Half the height of a capital for the accent above it; 2 pixels for smooth borders.
            const int accent = cvCeil(size.height * 0.5);
            const Rect place(origin.x - 2, origin.y - size.height - accent, size.width + 4,
                             size.height + accent + baseline + 2);
            const Rect drawn = cv::d2det::rleBoundingBox(cv::d2det::rleEncode(image));
            EXPECT_EQ(drawn, drawn & place) << text << " " << scale;
            EXPECT_GT(drawn.width, size.width * 0.85) << text << " " << scale;
            cv::d2det::drawText(color, text, origin, scale, Scalar(0, 0, 255, 0));
            cv::extractChannel(color, channel, 2);
            EXPECT_TRUE(same(image, channel));

            Mat canvas(60, 90, CV_8UC3, Scalar::all(7));
            Mat part = canvas(Rect(20, 20, 50, 20));
            for (const Point at : {Point(-15, 12), Point(30, 3), Point(30, 40), Point(-3000, 10), Point(70, -20)})
                cv::d2det::drawText(part, text, at, scale, Scalar::all(255));
            part.setTo(Scalar::all(7));
            EXPECT_TRUE(same(canvas, Mat(canvas.size(), CV_8UC3, Scalar::all(7)))) << text << " " << scale;
        }
    Mat image(60, 200, CV_8UC3, Scalar::all(9)), expected = image.clone();
    cv::d2det::drawText(image, "person 0.97", Point(5, 40), 0.7, Scalar(1, 2, 3), 2);
    cv::putText(expected, "person 0.97", Point(5, 40), FONT_HERSHEY_SIMPLEX, 0.7, Scalar(1, 2, 3), 2, LINE_AA);
    EXPECT_TRUE(same(expected, image)) << "ASCII is drawn as ever";
    Mat floats(10, 10, CV_32F);
    EXPECT_THROW(cv::d2det::drawText(floats, "a", Point(), 1, Scalar()), cv::Exception);
    EXPECT_THROW(cv::d2det::drawText(image, "a", Point(), 0, Scalar()), cv::Exception);
}

//! A font that cannot be read is refused, and the one before stays.
TEST(D2Det_Drawing, wrong_fonts)
{
    EXPECT_THROW(cv::d2det::setTextFont("no such font.ttf"), cv::Exception);
    EXPECT_THROW(cv::d2det::setTextFont(D2DET_SOURCE_DIR "/README.md"), cv::Exception);
    if (!haveFont())
        D2DET_SKIP_TEST(NO_FONT);
    const std::string before = cv::d2det::getTextFont(FOREIGN_NAMES[0].first);
    {
        const TextFont none("none");
        EXPECT_THROW(cv::d2det::setTextFont("no such font.ttf"), cv::Exception);
        EXPECT_EQ("", cv::d2det::getTextFont(FOREIGN_NAMES[0].first));
        cv::d2det::setTextFont(before);
        EXPECT_EQ(before, cv::d2det::getTextFont(FOREIGN_NAMES[0].first));
    }
    EXPECT_EQ(before, cv::d2det::getTextFont(FOREIGN_NAMES[0].first));
}

TEST(D2Det_Drawing, tiny_images)
{
    for (const Size size : {Size(1, 1), Size(2, 1), Size(1, 500), Size(500, 1), Size(7, 5)})
    {
        Mat image(size, CV_8UC3, Scalar::all(0));
        drawDetections(image, oneDetection(0, 0, 1000, 1000, 1, 3), {"x"});
        EXPECT_GT(cv::norm(image, NORM_INF), 0) << size;
    }
}

TEST(D2Det_Drawing, leaves_out_what_is_no_box)
{
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    const Mat bad[] = {oneDetection(nan, 10, 50, 50, 1, 0),    oneDetection(10, 10, inf, 50, 1, 0),
                       oneDetection(10, 10, 50, 50, nan, 0),   oneDetection(10, 10, 50, 50, 1, nan),
                       oneDetection(10, 10, 50, 50, 1, 1e30f), oneDetection(50, 10, 10, 50, 1, 0),
                       oneDetection(-50, -50, -10, -10, 1, 0), oneDetection(500, 10, 600, 50, 1, 0),
                       oneDetection(10, 10, 50, 50, 0.29f, 0)};
    for (const Mat& detection : bad)
    {
        Mat image(100, 100, CV_8UC3, Scalar::all(9));
        drawDetections(image, detection, {"a"}, 0.3f);
        EXPECT_EQ(0, cv::norm(image, Mat(100, 100, CV_8UC3, Scalar::all(9)), NORM_INF)) << detection;
    }
    Mat image(100, 100, CV_8UC3, Scalar::all(9));
    drawDetections(image, Mat(), {"a"});
    drawDetections(image, Mat(0, 6, CV_32F), {"a"});
    EXPECT_EQ(0, cv::norm(image, Mat(100, 100, CV_8UC3, Scalar::all(9)), NORM_INF));
}

TEST(D2Det_Drawing, colors_tell_classes_apart)
{
    std::vector<Vec3b> colors;
    for (int c = 0; c < 80; c++)
        colors.push_back(colorOf(c));
    for (size_t a = 0; a < colors.size(); a++)
    {
        EXPECT_GT(cv::norm(colors[a]), 120) << "class " << a << " is too dark";
        for (size_t b = a + 1; b < colors.size(); b++)
            EXPECT_NE(colors[a], colors[b]) << a << " and " << b;
        for (size_t b = a + 1; b < std::min(a + 5, colors.size()); b++)  // neighboring ids
            EXPECT_GT(cv::norm(Vec3d(colors[a]) - Vec3d(colors[b])), 40) << a << " and " << b;
    }
}

TEST(D2Det_Drawing, better_scores_are_on_top)
{
    for (const bool swapped : {false, true})
    {
        Mat detections = oneDetection(100, 100, 300, 350, swapped ? 0.4f : 0.9f, 1);
        detections.push_back(oneDetection(100, 100, 300, 350, swapped ? 0.9f : 0.4f, 2));
        Mat image(400, 400, CV_8UC3, Scalar::all(0));
        drawDetections(image, detections);
        EXPECT_EQ(colorOf(swapped ? 2 : 1), image.at<Vec3b>(300, 100));
    }
}

TEST(D2Det_Drawing, labels_avoid_each_other)
{
    // Outside the box's inside: a second label has its own place instead of hiding the first.
    const auto labelPixels = [](const Mat& detections)
    {
        Mat image(400, 600, CV_8UC3, Scalar::all(0)), gray, filled;
        drawDetections(image, detections, {"person"});
        image(Rect(150, 150, 300, 150)).setTo(0);
        cv::cvtColor(image, gray, COLOR_BGR2GRAY);
        return cv::countNonZero(gray);
    };
    const Mat one = oneDetection(150, 150, 450, 300, 0.9f, 0);
    Mat two = one.clone();
    two.push_back(oneDetection(150, 150, 450, 300, 0.8f, 0));
    EXPECT_GT(labelPixels(two), labelPixels(one) + 300);
}

// ------------------------------------------------------------------ masks

//! Color of a class where a line is wide enough not to be mixed with what is beside it.
Vec3b pureColorOf(int classId)
{
    Mat image(1600, 1600, CV_8UC3, Scalar::all(0));
    drawDetections(image, oneDetection(400, 400, 1200, 1200, 0.9f, float(classId)));
    return image.at<Vec3b>(800, 400);
}

Mat discMask(Size size, Point center, int radius)
{
    Mat mask = Mat::zeros(size, CV_8UC1);
    cv::circle(mask, center, radius, Scalar(255), FILLED);
    return mask;
}

TEST(D2Det_DrawingMasks, area_is_tinted_and_contour_drawn)
{
    Mat image(400, 400, CV_8UC3, Scalar::all(100)), plain = image.clone();
    const Mat detection = oneDetection(100, 100, 300, 300, 0.9f, 5);
    drawDetections(image, detection, std::vector<Mat>{discMask(image.size(), {200, 200}, 80)});
    drawDetections(plain, detection);
    const Vec3b color = pureColorOf(5), inside = image.at<Vec3b>(200, 200);
    for (int c = 0; c < 3; c++)
        EXPECT_NEAR(0.55 * 100 + 0.45 * color[c], inside[c], 1.01) << "translucent";
    EXPECT_LT(cv::norm(Vec3d(color) - Vec3d(image.at<Vec3b>(200, 280))), 10) << "contour";
    EXPECT_EQ(Vec3b::all(100), image.at<Vec3b>(120, 120)) << "in the box, not in the mask";
    // Outside of the disc nothing differs from the image without masks: boxes and labels are the same.
    const Mat outside = discMask(image.size(), {200, 200}, 83) == 0;
    EXPECT_EQ(0, cv::norm(image, plain, NORM_INF, outside));
}

TEST(D2Det_DrawingMasks, boxes_are_above_masks)
{
    Mat detections = oneDetection(100, 100, 300, 300, 0.4f, 1), image(400, 400, CV_8UC3, Scalar::all(0));
    detections.push_back(oneDetection(50, 50, 350, 350, 0.9f, 2));
    drawDetections(image, detections, std::vector<Mat>{Mat(), discMask(image.size(), {200, 200}, 190)});
    EXPECT_EQ(colorOf(1), image.at<Vec3b>(300, 200))
        << "the box of the worse detection under the mask of the better one";
}

TEST(D2Det_DrawingMasks, better_scores_are_on_top_and_masks_follow_their_row)
{
    for (const bool swapped : {false, true})
    {
        Mat detections = oneDetection(0, 0, 5, 5, swapped ? 0.4f : 0.9f, 1), image(400, 400, CV_8UC3, Scalar::all(0));
        detections.push_back(oneDetection(0, 0, 5, 5, swapped ? 0.9f : 0.4f, 2));
        drawDetections(
            image, detections,
            std::vector<Mat>{discMask(image.size(), {150, 200}, 80), discMask(image.size(), {250, 200}, 80)});
        const auto tint = [](const Vec3b& below, int classId)
        { return Vec3d(below) * 0.55 + Vec3d(pureColorOf(classId)) * 0.45; };
        EXPECT_LT(cv::norm(tint({0, 0, 0}, 1), Vec3d(image.at<Vec3b>(200, 100))), 2);
        EXPECT_LT(cv::norm(tint({0, 0, 0}, 2), Vec3d(image.at<Vec3b>(200, 300))), 2);
        const Vec3d both = tint(tint({0, 0, 0}, swapped ? 1 : 2), swapped ? 2 : 1);
        EXPECT_LT(cv::norm(both, Vec3d(image.at<Vec3b>(200, 200))), 3);
    }
}

TEST(D2Det_DrawingMasks, hidden_detections_hide_their_masks)
{
    Mat image(100, 100, CV_8UC3, Scalar::all(9));
    const std::vector<Mat> masks = {Mat(100, 100, CV_8UC1, Scalar(1))};
    drawDetections(image, oneDetection(10, 10, 50, 50, 0.2f, 0), masks, {"a"}, 0.3f);
    EXPECT_TRUE(same(image, Mat(100, 100, CV_8UC3, Scalar::all(9))));
    drawDetections(image, Mat(0, 6, CV_32F), std::vector<Mat>());
    EXPECT_TRUE(same(image, Mat(100, 100, CV_8UC3, Scalar::all(9))));
}

TEST(D2Det_DrawingMasks, random_masks_stay_inside_the_image)
{
    RNG rng(8);
    for (int round = 0; round < 100; round++)
    {
        Mat canvas(120, 120, CV_8UC3, Scalar::all(60));
        const Rect part(30, 30, rng.uniform(1, 60), rng.uniform(1, 60));
        Mat image = canvas(part), detections(0, 6, CV_32F);
        std::vector<Mat> masks;
        for (int i = 0; i < 4; i++)
        {
            detections.push_back(oneDetection(0, 0, 500, 500, rng.uniform(0.f, 1.f), float(rng.uniform(0, 9))));
            masks.push_back(Mat(part.size(), CV_8UC1));
            rng.fill(masks.back(), RNG::UNIFORM, 0, 1 + i);  // the first one has no pixel
        }
        drawDetections(image, detections, masks);
        canvas(part).setTo(Scalar::all(60));
        ASSERT_TRUE(same(canvas, Mat(canvas.size(), CV_8UC3, Scalar::all(60)))) << part;
    }
}

TEST(D2Det_DrawingMasks, wrong_masks_are_refused)
{
    Mat image(50, 60, CV_8UC3, Scalar::all(0));
    const Mat detection = oneDetection(1, 1, 30, 30, 1, 0);
    const std::vector<std::vector<Mat>> bad = {{Mat(60, 50, CV_8UC1)},
                                               {Mat(50, 60, CV_8UC3)},
                                               {Mat(50, 60, CV_32F)},
                                               {Mat::zeros(50, 60, CV_8UC1), Mat::zeros(50, 60, CV_8UC1)}};
    for (const std::vector<Mat>& masks : bad)
        EXPECT_THROW(drawDetections(image, detection, masks), cv::Exception);
}

TEST(D2Det_Drawing, refuses_other_types)
{
    Mat gray(10, 10, CV_8U), image(10, 10, CV_8UC3), empty;
    const Mat detection = oneDetection(1, 1, 5, 5, 1, 0);
    EXPECT_THROW(drawDetections(gray, detection), cv::Exception);
    EXPECT_THROW(drawDetections(empty, detection), cv::Exception);
    EXPECT_THROW(drawDetections(image, Mat(1, 5, CV_32F, Scalar(1))), cv::Exception);
    EXPECT_THROW(drawDetections(image, Mat(1, 6, CV_64F, Scalar(1))), cv::Exception);
}

}  // namespace
}  // namespace opencv_test
