// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The program d2det_detect, run with the bundled model on images and videos that are painted here. The detector looks
   at noise with a low threshold, so that there is something to write. */

#define BOOST_TEST_MODULE detect_program
#include <boost/test/unit_test.hpp>

#include "cli/tracker.hpp"
#include "dataset/segmentation.hpp"
#include "errors.hpp"
#include "programs.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/d2det.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fs = std::filesystem;
namespace utf = boost::unit_test;
using d2det::test::contains;
using d2det::test::linesOf;
using d2det::test::Outcome;
using d2det::test::ProgramIsThere;
using d2det::test::programPath;
using d2det::test::runShell;
using d2det::test::textOf;
using nlohmann::json;

namespace
{

const int VIDEO_FRAMES = 12;

//! Smooth blobs, others for every seed.
cv::Mat makeImage(int seed, cv::Size size)
{
    cv::Mat image(9, 12, CV_8UC3);
    cv::RNG(seed + 1).fill(image, cv::RNG::UNIFORM, 0, 256);
    cv::resize(image, image, size, 0, 0, cv::INTER_CUBIC);
    return image;
}

struct VideoFacts
{
    int frames = 0;
    double fps = 0;
    cv::Size size;
};

VideoFacts readVideo(const fs::path& path)
{
    VideoFacts facts;
    cv::VideoCapture capture(path.string());
    facts.fps = capture.get(cv::CAP_PROP_FPS);
    for (cv::Mat frame; capture.read(frame); facts.frames++)
        facts.size = frame.size();
    return facts;
}

//! A folder with images and videos, removed at the end.
struct World
{
    World()
    {
        for (const char* name : {"a", "b/c", "b/.hidden"})
            fs::create_directories(root / name);
        image("a/one.png", 0, {120, 90});
        image("a/two.png", 1, {90, 120});
        image("b/one.png", 2, {120, 90});
        image("b/c/three.png", 3, {96, 96});
        image("b/.hidden/four.png", 4, {96, 96});
        std::ofstream(root / "a/notes.txt") << "no image";
        std::ofstream(root / "broken.png") << "no image either";
    }

    void image(const std::string& name, int seed, cv::Size size) const
    {
        BOOST_REQUIRE(cv::imwrite((root / name).string(), makeImage(seed, size)));
    }

    //! Motion JPEG: every OpenCV can write and read it.
    void video(const std::string& name, int frames, cv::Size size) const
    {
        cv::VideoWriter writer((root / name).string(), cv::CAP_OPENCV_MJPEG,
                               cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 8, size);
        BOOST_REQUIRE(writer.isOpened());
        for (int i = 0; i < frames; i++)
            writer.write(makeImage(100 + i, size));
    }

    //! Runs in the folder; `before` is shell that comes before the program's name.
    Outcome run(const std::string& arguments, const std::string& before = "") const
    {
        const std::string model = std::string(D2DET_SOURCE_DIR) + "/data/models/d2det_mnv2_person.onnx";
        return shell(before + "'" + programPath("d2det_detect") + "' --model '" + model +
                     "' --threads 1 --short-side 96 --long-side 128 --score 0.0005 " + arguments);
    }

    Outcome shell(const std::string& command) const { return runShell(root.string(), command); }

    json results(const std::string& folder) const
    {
        return json::parse(textOf((root / folder / "detections.json").string()));
    }

    //! Names of the inputs in the order of their numbers.
    std::vector<std::string> files(const std::string& folder) const
    {
        std::vector<std::string> names;
        for (const json& entry : results(folder))
            if (names.empty() || names.back() != entry["file_name"].get<std::string>())
                names.push_back(entry["file_name"]);
        return names;
    }

    //! All files below a folder, relative to it.
    std::set<std::string> tree(const std::string& folder) const
    {
        std::set<std::string> names;
        for (const auto& entry : fs::recursive_directory_iterator(root / folder))
            if (!entry.is_directory())
                names.insert(fs::relative(entry.path(), root / folder).generic_string());
        return names;
    }

    d2det::test::TempFolder temporary;
    const fs::path root = temporary.path();
};

using Names = std::vector<std::string>;
using NameSet = std::set<std::string>;

void checkSucceeds(const Outcome& outcome)
{
    BOOST_TEST(outcome.code == 0, outcome.text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(detect, *utf::precondition(ProgramIsThere{"d2det_detect"}))

BOOST_AUTO_TEST_CASE(help)
{
    const World world;
    const Outcome outcome = world.run("--help");
    checkSucceeds(outcome);
    for (const char* text : {"camera:N", "--recursive", "--crops", "Exit code", "Examples"})
        BOOST_TEST(contains(outcome.text, text), text);
}

BOOST_AUTO_TEST_CASE(wrong_command_lines)
{
    const World world;
    world.video("clip.avi", 2, {64, 48});
    const std::pair<const char*, const char*> cases[] = {
        {"", "no INPUT"},
        {"a --nonsense", "there is no option --nonsense"},
        {"a --max-detection 5 --tiel 64", "there is no option --tiel, did you mean --tile?"},
        {"a --tile 8", "--tile is 8"},
        {"a --tile-overlap 0.1", "--tile-overlap needs --tile"},
        {"a --color-by size", "--color-by is 'size'"},
        {"a --no-json --annotations x.json", "--no-json leaves out"},
        {"a --batch 0", "--batch is 0"},
        {"a --batch two", "two"},
        {"a --nms-mode medium", "medium"},
        {"a --backend abacus", "it must be cuda, opencv"},
        {"a --target abacus", "opencl"},
        {"a --sigma 0", "--sigma is 0"},
        {"a --classes persom", "near names: person"},
        {"a --classes 1", "ids are 0 to 0"},
        {"a --classes ''", "--classes is empty"},
        {"a --frames 1", "needs a video"},
        {"a --every 2", "needs a video"},
        {"clip.avi --frames 1,x", "1,x"},
        {"clip.avi --frames 1 --every 2", "--frames already"},
        {"camera:front", "camera:front"},
        {"a -o a", "would be overwritten"},
        {"'b/c/*.png' -o b/../b/c", "would be overwritten"},
    };
    for (const auto& item : cases)
    {
        const Outcome outcome = world.run(item.first);
        BOOST_TEST(outcome.code == 2, item.first << ": " << outcome.text);
        BOOST_TEST(contains(outcome.text, item.second), item.first << ": " << outcome.text);
        BOOST_TEST(std::count(outcome.text.begin(), outcome.text.end(), '\n') == 1, outcome.text);
        BOOST_TEST(!fs::exists(world.root / "out"), item.first);
    }
}

BOOST_AUTO_TEST_CASE(folder_and_recursion)
{
    const World world;
    checkSucceeds(world.run("-o out b"));
    BOOST_TEST(world.files("out") == Names({"b/one.png"}));
    // Hidden folders are a folder's own business too; the output folder never is.
    checkSucceeds(world.run("-r -o b/out b"));
    checkSucceeds(world.run("-r -o b/out b"));
    const NameSet expected{"one.png", "c/three.png", ".hidden/four.png", "detections.json"};
    BOOST_TEST(world.tree("b/out") == expected);
}

BOOST_AUTO_TEST_CASE(patterns)
{
    const World world;
    checkSucceeds(world.run("-o out '?/o*.p[m-o]g'"));
    BOOST_TEST(world.files("out") == Names({"a/one.png", "b/one.png"}));
    checkSucceeds(world.run("-o out 'b/**/*e.png' a/two.png"));
    BOOST_TEST(world.files("out") == Names({"b/one.png", "b/c/three.png", "a/two.png"}));
    checkSucceeds(world.run("-o out './a/[!o]*.png'"));
    BOOST_TEST(world.files("out") == Names({"./a/two.png"}));

    // A file that has such a name is that file.
    world.image("a/[one].png", 5, {96, 96});
    checkSucceeds(world.run("-o out 'a/[one].png'"));
    BOOST_TEST(world.files("out") == Names({"a/[one].png"}));

    const Outcome none = world.run("-o out 'a/*.jpg'");
    BOOST_TEST(none.code == 1);
    BOOST_TEST(contains(none.text, "skipped a/*.jpg: no file matches"), none.text);
}

BOOST_AUTO_TEST_CASE(list_on_stdin)
{
    const World world;
    const Outcome outcome =
        world.run("-o out b/one.png - a/two.png", "printf 'b/c/three.png\\r\\n\\na/*.png\\na/one.png' | ");
    checkSucceeds(outcome);
    BOOST_TEST(world.files("out") == Names({"b/one.png", "b/c/three.png", "a/one.png", "a/two.png"}));
    BOOST_TEST(contains(outcome.text, "skipped a/*.png: there is no such file"), outcome.text);

    // As Windows writes them: UTF-8 with a mark, UTF-16.
    checkSucceeds(world.run("-o out -", "printf '\\357\\273\\277a/one.png\\r\\n\\357\\273\\277b/one.png' | "));
    BOOST_TEST(world.files("out") == Names({"a/one.png", "b/one.png"}));
    checkSucceeds(world.run("-o out -", "printf 'a/one.png\\r\\na/two.png\\r\\n' | iconv -f UTF-8 -t UTF-16 | "));
    BOOST_TEST(world.files("out") == Names({"a/one.png", "a/two.png"}));

    const Outcome empty = world.run("-o out -", "printf '' | ");
    BOOST_TEST(empty.code == 1);
    BOOST_TEST(contains(empty.text, "the list on stdin is empty"), empty.text);

    const Outcome tooLong = world.run("-o out -", "head -c 300000 /dev/zero | ");
    BOOST_TEST(tooLong.code == 1);
    BOOST_TEST(contains(tooLong.text, "too long for a path"), tooLong.text);
}

BOOST_AUTO_TEST_CASE(names_do_not_collide)
{
    const World world;
    world.image("b/c/one_2.png", 6, {96, 96});
    world.image("b/c/ONE.png", 7, {96, 96});
    fs::create_directories(world.root / "out/c");
    world.image("out/c/three.png", 8, {64, 48});
    const std::string before = textOf((world.root / "out/c/three.png").string());
    checkSucceeds(world.run("-o out -r a/one.png b/one.png b/c/one_2.png b/c/ONE.png b out/c/three.png"));
    BOOST_TEST(textOf((world.root / "out/c/three.png").string()) == before, "an input was overwritten");
    BOOST_TEST(world.tree("out").size() == 4 + 5 + 1 + 2U);  // files, images of b, out/c/three.png; json, the input
    for (const char* name : {"one.png", "one_2.png", "one_2_2.png", "ONE_3.png", "c/three_2.png"})
        BOOST_TEST(fs::exists(world.root / "out" / name), name);
    const cv::Mat first = cv::imread((world.root / "out/one.png").string());
    BOOST_TEST(first.cols == 120);
}

BOOST_AUTO_TEST_CASE(unreadable_inputs)
{
    const World world;
    std::ofstream(world.root / "broken.avi") << "no video";
    for (const char* name : {"scan.png", "scan1.avi"})  // OpenCV's decoder of DICOM ends the program
        std::ofstream(world.root / name, std::ios::binary) << std::string(128, '\0') + "DICM" + '\0';
    std::vector<uchar> jpeg;
    cv::imencode(".jpg", cv::imread((world.root / "a/one.png").string()), jpeg);
    std::ofstream(world.root / "half.jpg", std::ios::binary)
        .write(reinterpret_cast<const char*>(jpeg.data()), static_cast<std::streamsize>(jpeg.size() / 2));
    const Outcome outcome =
        world.run("-o out missing.png broken.png scan.png a/one.png half.jpg scan1.avi broken.avi camera:987");
    checkSucceeds(outcome);
    for (const char* text : {"skipped missing.png: there is no such file", "skipped broken.png: it cannot be read",
                             "skipped broken.avi: it cannot be read as a video", "skipped scan.png: it is a DICOM file",
                             "skipped scan1.avi: it cannot be read as a video", "skipped camera:987: ",
                             "skipped half.jpg: it is truncated: the JPEG file ends before its pixels do",
                             "7 inputs skipped", "1 image, "})
        BOOST_TEST(contains(outcome.text, text), text << " is not in " << outcome.text);
    BOOST_TEST(world.files("out") == Names({"a/one.png"}));

    const Outcome nothing = world.run("-o out missing.png broken.png");
    BOOST_TEST(nothing.code == 1);
    BOOST_TEST(contains(nothing.text, "none of the inputs could be processed"), nothing.text);
    BOOST_TEST(world.run("-o out missing.png").code == 1);
    const Outcome window = world.run("-o out --show a", "unset DISPLAY WAYLAND_DISPLAY QT_QPA_PLATFORM; ");
    BOOST_TEST((window.code == 1 || window.code == 2), window.text);  // without highgui
    BOOST_TEST(world.run("-o out a/one.png --model broken.png").code != 0);
}

BOOST_AUTO_TEST_CASE(batches_give_the_same)
{
    const World world;
    world.video("clip.avi", 5, {64, 48});
    const std::string inputs = " -r a b clip.avi a/two.png";
    checkSucceeds(world.run("-o single" + inputs));
    const std::string expected = textOf((world.root / "single/detections.json").string());
    BOOST_TEST(world.results("single").size() > 20U);
    for (const char* batch : {"2", "3", "64"})
    {
        checkSucceeds(world.run("-o batch" + inputs + " --batch " + batch));
        BOOST_TEST(textOf((world.root / "batch/detections.json").string()) == expected, batch);
    }
}

BOOST_AUTO_TEST_CASE(results_and_their_order)
{
    const World world;
    world.video("clip.avi", 4, {64, 48});
    checkSucceeds(world.run("-o out --csv a/two.png clip.avi a/one.png"));
    const json results = world.results("out");
    const std::vector<std::string> rows = linesOf((world.root / "out/detections.csv").string());
    BOOST_REQUIRE(rows.size() == results.size() + 1);
    BOOST_TEST(rows[0] == "file,frame,class,score,x1,y1,x2,y2");
    std::set<int> images;
    for (size_t i = 0; i < results.size(); i++)
    {
        const json& entry = results[i];
        const std::vector<double> box = entry["bbox"];
        const std::string frame = entry.contains("frame") ? std::to_string(entry["frame"].get<int>()) : "";
        const int image = entry["image_id"];
        images.insert(image);
        BOOST_TEST(frame == (image >= 2 && image <= 5 ? std::to_string(image - 2) : ""));
        BOOST_TEST(entry["category_id"] == 0);
        BOOST_TEST((box.size() == 4 && box[2] > 0 && box[3] > 0));
        const std::string begin = entry["file_name"].get<std::string>() + "," + frame + ",person,";
        BOOST_REQUIRE(rows[i + 1].rfind(begin, 0) == 0);
        double score = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0;
        BOOST_REQUIRE(
            std::sscanf(rows[i + 1].c_str() + begin.size(), "%lf,%lf,%lf,%lf,%lf", &score, &x1, &y1, &x2, &y2) == 5);
        BOOST_TEST(std::abs(score - entry["score"].get<double>()) < 1e-3);
        BOOST_TEST(std::abs(x1 - box[0]) + std::abs(y1 - box[1]) < 0.03);
        BOOST_TEST(std::abs(x2 - x1 - box[2]) + std::abs(y2 - y1 - box[3]) < 0.05);
    }
    BOOST_TEST(*images.rbegin() == 6);
    BOOST_TEST(world.files("out") == Names({"a/two.png", "clip.avi", "a/one.png"}));
}

BOOST_AUTO_TEST_CASE(csv_quotes_names)
{
    const World world;
    world.image("a,\"b\".png", 0, {120, 90});
    fs::create_directories(world.root / "out");
    fs::rename(world.root / "a,\"b\".png", world.root / "b/c/a,\"b\".png");
    checkSucceeds(world.run("-o out --csv --no-pictures 'b/c/a,\"b\".png'"));
    const std::vector<std::string> rows = linesOf((world.root / "out/detections.csv").string());
    BOOST_REQUIRE(rows.size() > 1U);
    BOOST_TEST(rows[1].rfind("\"b/c/a,\"\"b\"\".png\",,person,", 0) == 0, rows[1]);
}

BOOST_AUTO_TEST_CASE(class_filter)
{
    const World world;
    checkSucceeds(world.run("-o all a"));
    for (const char* classes : {"person", "0", "person,0"})
    {
        checkSucceeds(world.run(std::string("-o some a --classes ") + classes));
        BOOST_TEST(world.results("some") == world.results("all"));
    }
}

BOOST_AUTO_TEST_CASE(optional_outputs)
{
    const World world;
    checkSucceeds(world.run("-o out --no-json --no-pictures --csv a"));
    BOOST_TEST(world.tree("out") == NameSet({"detections.csv"}));
    checkSucceeds(world.run("-o quiet --quiet a"));
    BOOST_TEST(world.run("-o quiet --quiet a").text == "");
    BOOST_TEST(world.tree("quiet") == NameSet({"detections.json", "one.png", "two.png"}));
}

BOOST_AUTO_TEST_CASE(crops)
{
    const World world;
    checkSucceeds(world.run("-o out --crops --no-pictures a/one.png"));
    const json results = world.results("out");
    BOOST_REQUIRE(results.size() > 1U);
    BOOST_TEST(world.tree("out/crops/person").size() == results.size());
    const cv::Mat image = makeImage(0, {120, 90});
    for (size_t i = 0; i < results.size(); i++)
    {
        const cv::Mat crop =
            cv::imread((world.root / "out/crops/person" / ("one_" + std::to_string(i) + ".png")).string());
        const std::vector<double> box = results[i]["bbox"];
        BOOST_REQUIRE(!crop.empty());
        BOOST_TEST(std::abs(crop.cols - box[2]) < 2.01);
        BOOST_TEST(std::abs(crop.rows - box[3]) < 2.01);
        // The rounded corner may lie on the other side of an integer.
        const cv::Rect place(static_cast<int>(box[0] + 0.005), static_cast<int>(box[1] + 0.005), crop.cols, crop.rows);
        if ((place & cv::Rect(0, 0, 120, 90)) == place)
            BOOST_TEST(cv::norm(image(place), crop, cv::NORM_L1) / double(crop.total()) < 30);
    }
}

BOOST_AUTO_TEST_CASE(video_to_video)
{
    const World world;
    world.video("clip.avi", VIDEO_FRAMES, {96, 64});
    checkSucceeds(world.run("-o out clip.avi"));
    BOOST_TEST(world.tree("out") == NameSet({"clip.mp4", "detections.json"}));
    VideoFacts facts = readVideo(world.root / "out/clip.mp4");
    BOOST_TEST(facts.frames == VIDEO_FRAMES);
    BOOST_TEST(facts.fps == 8);
    BOOST_TEST((facts.size == cv::Size(96, 64)));
    BOOST_TEST(world.results("out").back()["frame"] == VIDEO_FRAMES - 1);

    // Every third frame at a third of the rate takes the same time to watch.
    checkSucceeds(world.run("-o every --every 3 clip.avi"));
    facts = readVideo(world.root / "every/clip.mp4");
    BOOST_TEST(facts.frames == VIDEO_FRAMES / 3);
    BOOST_TEST(std::abs(facts.fps - 8 / 3.) < 0.01);
    std::set<int> frames;
    for (const json& entry : world.results("every"))
        frames.insert(entry["frame"].get<int>());
    BOOST_TEST(frames == std::set<int>({0, 3, 6, 9}));

    checkSucceeds(world.run("-o some --max-frames 5 --batch 4 clip.avi a/one.png"));
    BOOST_TEST(readVideo(world.root / "some/clip.mp4").frames == 5);
}

BOOST_AUTO_TEST_CASE(video_with_odd_sides)
{
    const World world;
    world.video("odd.avi", 4, {97, 65});
    const Outcome outcome = world.run("-o out odd.avi");
    checkSucceeds(outcome);
    BOOST_TEST(contains(outcome.text, "Motion JPEG, since MPEG-4 needs even sides"), outcome.text);
    const VideoFacts facts = readVideo(world.root / "out/odd.avi");
    BOOST_TEST(facts.frames == 4);
    BOOST_TEST((facts.size == cv::Size(97, 65)));
}

BOOST_AUTO_TEST_CASE(frames_as_images)
{
    const World world;
    world.video("clip.avi", VIDEO_FRAMES, {96, 64});
    const Outcome outcome = world.run("-o out --frames 7,2,99 clip.avi a/one.png");
    checkSucceeds(outcome);
    BOOST_TEST(contains(outcome.text, "skipped clip.avi: it has no frame 99"), outcome.text);
    BOOST_TEST(world.tree("out") == NameSet({"clip_000002.png", "clip_000007.png", "one.png", "detections.json"}));
}

BOOST_AUTO_TEST_CASE(two_videos_of_one_name)
{
    const World world;
    world.video("a/clip.avi", 3, {64, 48});
    world.video("b/clip.avi", 2, {80, 48});
    checkSucceeds(world.run("-o out --batch 8 a/clip.avi b/clip.avi"));
    BOOST_TEST(readVideo(world.root / "out/clip.mp4").frames == 3);
    BOOST_TEST(readVideo(world.root / "out/clip_2.mp4").frames == 2);
}

//! What OpenCV has no image decoder for is tried as a video, whatever its name.
BOOST_AUTO_TEST_CASE(f20_videos_by_their_content)
{
    const World world;
    world.video("clip.avi", 4, {64, 48});
    for (const char* name : {"clip", "clip.dat", "clip.m2ts", "clip.asf"})
    {
        fs::copy_file(world.root / "clip.avi", world.root / name);
        checkSucceeds(world.run(std::string("-o out --max-frames 2 ") + name));
        BOOST_TEST(readVideo(world.root / "out/clip.mp4").frames == 2, name);
        fs::remove_all(world.root / "out");
    }
    // An image without an extension stays an image, a text becomes nothing.
    fs::copy_file(world.root / "a/one.png", world.root / "one");
    const Outcome outcome = world.run("-o out one a/notes.txt");
    checkSucceeds(outcome);
    BOOST_TEST(contains(outcome.text, "skipped a/notes.txt: it cannot be read as an image"), outcome.text);
    BOOST_TEST(world.tree("out") == NameSet({"one.png", "detections.json"}));
}

BOOST_AUTO_TEST_CASE(streams_and_cameras)
{
    const World world;
    world.video("clip.avi", 4, {64, 48});
    checkSucceeds(world.run("-o out file://$PWD/clip.avi"));
    bool found = false;
    for (const std::string& name : world.tree("out"))
        found = found || (contains(name, "_clip.mp4") && readVideo(world.root / "out" / name).frames == 4);
    BOOST_TEST(found);
    // Passwords are not repeated.
    const Outcome outcome =
        world.run("-o out rtsp://me:secret@127.0.0.1:9/x 987 /dev/video987", "unset OPENCV_LOG_LEVEL; ");
    BOOST_TEST(outcome.code == 1);
    BOOST_TEST(contains(outcome.text, "skipped rtsp://127.0.0.1:9/x: nothing that OpenCV can read"), outcome.text);
    BOOST_TEST(contains(outcome.text, "skipped camera:987: there is no such camera"), outcome.text);
    BOOST_TEST(contains(outcome.text, "skipped /dev/video987: there is no such camera"), outcome.text);
    BOOST_TEST(!contains(outcome.text, "secret"), outcome.text);
}

//! A camera of the network: sends JPEG images over HTTP, one every few milliseconds.
class CameraServer
{
public:
    CameraServer(int frames, int milliseconds) : frames_(frames), milliseconds_(milliseconds)
    {
        listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(place);
        BOOST_REQUIRE(::bind(listening_, reinterpret_cast<sockaddr*>(&place), size) == 0);  // at any free port
        BOOST_REQUIRE(::listen(listening_, 4) == 0);
        BOOST_REQUIRE(::getsockname(listening_, reinterpret_cast<sockaddr*>(&place), &size) == 0);
        address_ = "http://127.0.0.1:" + std::to_string(ntohs(place.sin_port)) + "/gate.mjpg";
        thread_ = std::thread([this] { serve(); });
    }
    ~CameraServer()
    {
        ::shutdown(listening_, SHUT_RDWR);
        thread_.join();
        ::close(listening_);
    }

    const std::string& address() const { return address_; }

private:
    static bool send(int to, const std::string& bytes)
    {
        for (size_t done = 0; done < bytes.size();)
        {
            const ssize_t sent = ::send(to, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
            if (sent <= 0)
                return false;
            done += static_cast<size_t>(sent);
        }
        return true;
    }

    void serve() const
    {
        for (int client; (client = ::accept(listening_, nullptr, nullptr)) >= 0; ::close(client))
        {
            bool open =
                send(client, "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n");
            for (int i = 0; open && i < frames_; i++)
            {
                std::vector<uchar> jpeg;
                cv::imencode(".jpg", makeImage(i, {320, 240}), jpeg);
                open = send(client,
                            "--next\r\nContent-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg.size()) +
                                "\r\n\r\n" + std::string(jpeg.begin(), jpeg.end()) + "\r\n");
                std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds_));
            }
        }
    }

    int frames_, milliseconds_, listening_ = -1;
    std::string address_;
    std::thread thread_;
};

//! Of a live stream that is faster than the detector the newest frame is looked at: results do not lag behind.
BOOST_AUTO_TEST_CASE(newest_frames_of_a_stream)
{
    const World world;
    const int frames = 150;
    const CameraServer camera(frames, 8);
    // A large input makes the detector slower than the camera.
    const Outcome outcome =
        world.shell("'" + programPath("d2det_detect") + "' --model '" + D2DET_SOURCE_DIR +
                    "/data/models/d2det_mnv2_person.onnx' --threads 1 --short-side 480 --long-side 800 "
                    "--score 0.0005 -o out --no-pictures --boxes-only " +
                    camera.address());
    checkSucceeds(outcome);
    std::set<int> seen;
    for (const json& entry : world.results("out"))
    {
        BOOST_TEST(entry["file_name"] == camera.address());
        BOOST_TEST((seen.empty() || entry["frame"].get<int>() >= *seen.rbegin()));
        seen.insert(entry["frame"].get<int>());
    }
    BOOST_REQUIRE(!seen.empty());
    BOOST_TEST_MESSAGE(seen.size() << " of " << frames << " frames, the last one " << *seen.rbegin());
    BOOST_TEST(seen.size() < frames * 0.8);
    BOOST_TEST(*seen.rbegin() >= frames - 3);  // the end of the stream may cost the last one
}

//! Files that cannot grow further, as on a full disk: no half file is left, and the lists stay whole.
BOOST_AUTO_TEST_CASE(f04_no_space_for_the_results)
{
    const World world;
    world.video("clip.avi", 60, {320, 240});
    const std::string limit = "bash -c 'trap \"\" XFSZ; ulimit -f 24; exec \"$@\"' - ";  // 24 KiB
    const Outcome video = world.run("-o out --no-json clip.avi", limit);
    BOOST_TEST(video.code == 1, video.text);
    BOOST_TEST(contains(video.text, "cannot write out/clip.mp4; is the disk full?"), video.text);
    BOOST_TEST(world.tree("out") == NameSet());

    const Outcome list = world.run("-o list --no-pictures --boxes-only --csv clip.avi", limit);
    BOOST_TEST(list.code == 1, list.text);
    BOOST_TEST(contains(list.text, "cannot write list/detections."), list.text);
    const size_t results = world.results("list").size();
    BOOST_TEST(results > 10U);
    for (const std::string& line : linesOf((world.root / "list/detections.csv").string()))
        BOOST_TEST(std::count(line.begin(), line.end(), ',') == 7, line);

    world.image("large.png", 3, {900, 900});
    const Outcome image = world.run("-o image --no-json large.png", limit);
    BOOST_TEST(image.code == 1, image.text);
    BOOST_TEST(contains(image.text, "cannot write image/large.png: File too large"), image.text);
    BOOST_TEST(world.tree("image") == NameSet());

    const Outcome output = world.run("-o out a/one.png > /dev/full");
    BOOST_TEST(output.code == 1, output.text);
    BOOST_TEST(contains(output.text, "cannot write to the standard output"), output.text);
}

BOOST_AUTO_TEST_CASE(f15_one_run_per_folder)
{
    const World world;
    world.video("clip.avi", 400, {160, 120});
    const Outcome outcome = world.run(
        "-o out clip.avi & pid=$!\n"
        "while kill -0 $pid && [ $(cat out/detections.json | wc -l) -lt 20 ]; do "
        "sleep 0.02; done 2>/dev/null\n'" +
        programPath("d2det_detect") + "' -m '" + D2DET_SOURCE_DIR +
        "/data/models/d2det_mnv2_person.onnx' -o out a; code=$?\n"
        "kill -INT $pid; wait $pid; exit $code");
    BOOST_TEST(outcome.code == 1, outcome.text);
    BOOST_TEST(contains(outcome.text, "another run writes to out at this moment"), outcome.text);
    BOOST_TEST(world.results("out").size() > 10U);
    checkSucceeds(world.run("-o out a"));  // the lock has gone with its run
}

//! Limits of OpenCV and of file formats: such an image is named, the others are processed.
BOOST_AUTO_TEST_CASE(f13_images_beyond_limits)
{
    const World world;
    const Outcome outcome = world.run("-o out a/one.png broken.png b/c/three.png", "OPENCV_IO_MAX_IMAGE_PIXELS=10000 ");
    checkSucceeds(outcome);
    BOOST_TEST(contains(outcome.text, "skipped a/one.png: it has more pixels than OpenCV reads"), outcome.text);
    BOOST_TEST(world.files("out") == Names({"b/c/three.png"}));

    // A JPEG has at most 65535 pixels a side: the image becomes a PNG.
    world.image("wide.png", 1, {66000, 40});
    fs::rename(world.root / "wide.png", world.root / "wide.jpg");
    const Outcome wide = world.run("-o wide wide.jpg a/two.png");
    checkSucceeds(wide);
    BOOST_TEST(contains(wide.text, "-> wide.png"), wide.text);
    BOOST_TEST(cv::imread((world.root / "wide/wide.png").string()).cols == 66000);
    BOOST_TEST(world.tree("wide") == NameSet({"wide.png", "two.png", "detections.json"}));
}

BOOST_AUTO_TEST_CASE(names_of_full_length)
{
    const World world;
    const std::string stem(247, 'n');
    world.image("b/x.png", 1, {96, 96});
    fs::rename(world.root / "b/x.png", world.root / "b" / (stem + "abcd.png"));  // 255 bytes, the most
    fs::create_directories(world.root / "d");
    fs::copy_file(world.root / "b" / (stem + "abcd.png"), world.root / "d" / (stem + "abcd.png"));
    world.video("b/clip.avi", 3, {64, 48});
    fs::rename(world.root / "b/clip.avi", world.root / "b" / (stem + "efgh.avi"));
    checkSucceeds(world.run("-o out --crops b/" + stem + "* d/" + stem + "*"));
    BOOST_TEST(fs::exists(world.root / "out" / (stem + "abcd.png")));
    BOOST_TEST(fs::exists(world.root / "out" / (stem + "ab_2.png")));
    BOOST_TEST(fs::exists(world.root / "out" / (stem + "efgh.mp4")));
}

//! With annotations the results have the ids of the data set and can be evaluated by any program.
BOOST_AUTO_TEST_CASE(f03_ids_of_annotations)
{
    const World world;
    json coco = {
        {"images",
         {{{"id", 70}, {"file_name", "a/two.png"}, {"width", 90}, {"height", 120}},
          {{"id", 30}, {"file_name", "a/one.png"}, {"width", 120}, {"height", 90}},
          {{"id", 50}, {"file_name", "b/one.png"}, {"width", 120}, {"height", 90}}}},
        {"annotations",
         {{{"id", 1}, {"image_id", 70}, {"category_id", 9}, {"bbox", {1, 1, 20, 20}}, {"area", 400}, {"iscrowd", 0}}}},
        {"categories", {{{"id", 4}, {"name", "dog"}}, {{"id", 9}, {"name", "person"}}}}};
    std::ofstream(world.root / "instances.json") << coco;
    const Outcome outcome = world.run("-o out -a instances.json a b/one.png b/c/three.png");
    checkSucceeds(outcome);
    BOOST_TEST(contains(outcome.text, "1 image not in the annotations"), outcome.text);
    std::map<std::string, std::set<int>> ids;
    for (const json& entry : world.results("out"))
    {
        ids[entry["file_name"]].insert(entry["image_id"].get<int>());
        BOOST_TEST(entry["category_id"] == 9);
        BOOST_TEST(entry["category_name"] == "person");
    }
    const std::map<std::string, std::set<int>> expected{{"a/one.png", {30}}, {"a/two.png", {70}}, {"b/one.png", {50}}};
    BOOST_TEST((ids == expected));

    coco["categories"][1]["name"] = "cat";
    std::ofstream(world.root / "instances.json") << coco;
    const Outcome other = world.run("-o other -a instances.json a");
    BOOST_TEST(other.code == 1);
    BOOST_TEST(contains(other.text, "no class name in common"), other.text);
}

//! Pictures of the best objects; the same image name in two folders, and frames.
BOOST_AUTO_TEST_CASE(explanations)
{
    const World world;
    world.video("walk.avi", 2, {96, 64});
    checkSucceeds(world.run("-o out --no-pictures --explain 2 a/one.png b/one.png walk.avi"));
    NameSet expected{"one_png_0.png", "one_png_1.png", "one_png_0_2.png", "one_png_1_2.png"};
    for (const char* frame :
         {"walk_avi_000000_0.png", "walk_avi_000000_1.png", "walk_avi_000001_0.png", "walk_avi_000001_1.png"})
        expected.insert(frame);
    BOOST_TEST((world.tree("out/explain") == expected));
    const cv::Mat picture = cv::imread((world.root / "out/explain/one_png_0.png").string());
    BOOST_TEST((picture.cols == 1520 && picture.rows > 600));
    BOOST_TEST(world.run("-o out2 --explain none a").code == 2);
    BOOST_TEST(world.run("-o out2 --explain 0 a").code == 2);
    BOOST_TEST(world.run("-o out2 --explain all --tile 64 a").code == 2);
}

//! The box of a detection is the mean of the boxes of the cells that overlap the object, in images of any size.
BOOST_AUTO_TEST_CASE(explained_boxes_of_the_bundled_model)
{
    const cv::Ptr<cv::d2det::Detector> detector =
        cv::d2det::Detector::create(std::string(D2DET_SOURCE_DIR) + "/data/models/d2det_mnv2_person.onnx");
    const cv::Mat image = cv::imread(std::string(D2DET_SOURCE_DIR) + "/test/images/two_people.jpg");
    cv::Mat detections, explained;
    std::vector<cv::d2det::DetectionExplanation> explanations;
    detector->detect(image, detections);
    detector->explain(image, explained, explanations);
    BOOST_REQUIRE(detections.rows >= 2);
    BOOST_TEST(cv::norm(detections, explained, cv::NORM_INF) == 0);
    BOOST_REQUIRE(explanations.size() == static_cast<size_t>(detections.rows));
    int averaged = 0;
    for (int i = 0; i < detections.rows; i++)
    {
        const cv::d2det::DetectionExplanation& e = explanations[static_cast<size_t>(i)];
        BOOST_REQUIRE(e.cellBoxes.rows == 49);
        BOOST_REQUIRE(e.samplingPoints.rows == 196);
        BOOST_TEST(cv::countNonZero(e.cellWeights > 0) == cv::countNonZero(e.overlap > 0.5f));
        if (cv::countNonZero(e.cellWeights) == 0)
            continue;
        averaged++;
        const cv::Mat mean = e.cellWeights.reshape(1, 1) * e.cellBoxes;
        for (int c = 0; c < 4; c++)
        {
            const float limit = static_cast<float>(c % 2 ? image.rows : image.cols);
            const float clipped = std::min(std::max(mean.at<float>(c), 0.f), limit);
            BOOST_TEST(std::abs(clipped - detections.at<float>(i, c)) <= 0.02f);
        }
        double low = 0, high = 0;
        cv::minMaxLoc(e.samplingWeights, &low, &high);
        BOOST_TEST((low > 0 && high < 9));
        // Of 14 x 14 cells each counts in one window, or in two or four.
        BOOST_TEST(std::abs(cv::mean(e.samplingWeights)[0] - 1) < 0.3);
    }
    BOOST_TEST(averaged >= 2);
}

//! Detections as data sets, which read back to what is in detections.json.
BOOST_AUTO_TEST_CASE(labels)
{
    const World world;
    fs::copy_file(std::string(D2DET_SOURCE_DIR) + "/test/images/two_people.jpg", world.root / "b/people.jpg");
    world.video("walk.avi", 3, {96, 64});
    const std::string formats = "coco,voc,yolo,labelme,cvat";
    checkSucceeds(
        world.run("-o out --no-pictures --label-score 0.001 --copy-images --labels " + formats + " a b walk.avi"));
    json expected = json::array();
    for (const json& entry : world.results("out"))
        if (entry["score"].get<double>() >= 0.001)
            expected.push_back(entry);
    BOOST_REQUIRE(expected.size() >= 2u);
    for (const std::string format : {"coco", "voc", "yolo", "labelme", "cvat"})
        BOOST_TEST_CONTEXT(format)
        {
            d2det::ReadOptions options;
            options.keepSegmentation = true;
            const d2det::Dataset dataset =
                d2det::readDataset((world.root / "out" / ("dataset_" + format)).string(), "", options);
            BOOST_TEST(dataset.images.size() == 7u);  // of a, b and 3 frames
            BOOST_TEST(dataset.numAnnotations() == static_cast<int64_t>(expected.size()));
            for (const d2det::ImageRecord& image : dataset.images)
            {
                if (!contains(image.path, "people.jpg"))
                    continue;
                size_t k = 0;
                for (const json& entry : expected)
                {
                    if (!contains(entry["file_name"].get<std::string>(), "people.jpg"))
                        continue;
                    const d2det::Annotation& a = image.annotations.at(k++);
                    const cv::d2det::Rle mask = cv::d2det::rleFromString(
                        entry["segmentation"]["counts"].get<std::string>(), image.height, image.width);
                    const cv::Rect span = cv::d2det::rleBoundingBox(mask);
                    const bool outlined = format != "voc" && format != "coco" && a.segmentation.has_value();
                    double expectedBox[4] = {double(span.x), double(span.y), double(span.width), double(span.height)};
                    for (size_t i = 0; i < 4 && !outlined; i++)
                        expectedBox[i] = entry["bbox"][i].get<double>();
                    const double box[4] = {a.x, a.y, a.width, a.height};
                    for (size_t i = 0; i < 4; i++)  // outlines differ by at most a pixel (--simplify) from their mask
                        BOOST_TEST(std::abs(box[i] - expectedBox[i]) <= (outlined          ? (i < 2 ? 1.01 : 2.01)
                                                                         : format == "voc" ? 1
                                                                                           : 0.011));
                    if (format != "yolo" && format != "voc")
                        BOOST_TEST(a.score == entry["score"].get<double>());
                    if (format != "yolo")  // which has outlines only where all objects of the image have one
                        BOOST_TEST(a.segmentation.has_value() == (format != "voc"));
                    if (!a.segmentation)
                        continue;
                    const bool fills = format == "labelme" || format == "yolo";  // has outlines without holes
                    const cv::d2det::Rle same =
                        fills ? cv::d2det::rleFromPolygons(cv::d2det::rleToPolygons(mask), image.height, image.width)
                              : mask;
                    BOOST_TEST(cv::d2det::rleIoU(d2det::toRle(*a.segmentation, image.height, image.width), same) >=
                               0.95);
                }
                BOOST_TEST(image.annotations.size() == k);
            }
        }
    const Outcome again = world.run("-o out --no-pictures --labels coco a");
    BOOST_TEST(again.code == 1);
    BOOST_TEST(contains(again.text, "dataset_coco\" is not empty"), again.text);
    BOOST_TEST(world.run("-o out3 --labels pdf a").code == 2);
    BOOST_TEST(world.run("-o out3 --label-score 0.5 a").code == 2);
    world.image("a/one.jpg", 5, {96, 96});
    const Outcome clash = world.run("-o out3 --labels yolo a");
    BOOST_TEST(clash.code == 1);
    BOOST_TEST(contains(clash.text, "would share the annotation file"), clash.text);
    checkSucceeds(world.run("-o out3 --no-pictures --labels cvat a"));
}

BOOST_AUTO_TEST_CASE(tiles)
{
    const World world;
    world.image("large.png", 9, {500, 400});
    checkSucceeds(world.run("-o one large.png"));
    checkSucceeds(world.run("-o tiles --tile 200 --tile-overlap 0.25 large.png a/one.png"));
    BOOST_TEST(world.results("tiles").size() > world.results("one").size());
    for (const json& entry : world.results("tiles"))
        if (entry["file_name"] == "large.png")
            BOOST_TEST(entry["segmentation"]["size"] == json({400, 500}));
    checkSucceeds(world.run("-o plain a/one.png"));
    json small = json::array();
    for (const json& entry : world.results("tiles"))
        if (entry["file_name"] == "a/one.png")  // no larger than a tile: as without tiles
        {
            small.push_back(entry);
            small.back()["image_id"] = 1;
        }
    BOOST_TEST(small == world.results("plain"));
}

//! A large image of many small people, of which tiles find far more, and each once although tiles cut many.
BOOST_AUTO_TEST_CASE(tiles_of_a_large_image)
{
    const World world;
    cv::Mat people = cv::imread(std::string(D2DET_SOURCE_DIR) + "/test/images/two_people.jpg");
    BOOST_REQUIRE(!people.empty());
    const double scale = 0.55;
    cv::resize(people, people, cv::Size(), scale, scale, cv::INTER_AREA);
    const cv::Rect2d boxes[] = {{27.29, 32.17, 51.6, 145.99}, {95.26, 28.7, 48.12, 145.5}};  // of the image before
    cv::Mat large(1700, 2600, CV_8UC3, cv::Scalar(110, 125, 120));
    std::vector<cv::Rect2d> truth;
    for (int y = 30; y + people.rows < large.rows; y += 165)
        for (int x = 20; x + people.cols < large.cols; x += 205)
        {
            people.copyTo(large(cv::Rect(x, y, people.cols, people.rows)));
            for (const cv::Rect2d& box : boxes)
                truth.emplace_back(x + scale * box.x, y + scale * box.y, scale * box.width, scale * box.height);
        }
    BOOST_REQUIRE(cv::imwrite((world.root / "large.png").string(), large));
    struct Counts
    {
        int right = 0, wrong = 0;
    };
    const auto detect = [&](const std::string& options)
    {
        checkSucceeds(world.shell("'" + programPath("d2det_detect") + "' --model '" + D2DET_SOURCE_DIR +
                                  "/data/models/d2det_mnv2_person.onnx' --score 0.85 -o out " + options +
                                  " large.png"));
        Counts counts;
        std::vector<bool> taken(truth.size(), false);
        for (const json& entry : world.results("out"))
        {
            const std::vector<double> b = entry["bbox"];
            const cv::Rect2d box(b[0], b[1], b[2], b[3]);
            size_t best = truth.size();
            double most = 0.5;
            for (size_t i = 0; i < truth.size(); i++)
            {
                const double shared = (box & truth[i]).area();
                const double iou = shared / (box.area() + truth[i].area() - shared);
                if (!taken[i] && iou >= most)
                {
                    best = i;
                    most = iou;
                }
            }
            if (best < truth.size())
                taken[best] = true;
            (best < truth.size() ? counts.right : counts.wrong)++;
            if (best == truth.size())
                BOOST_TEST_MESSAGE("wrong: " << entry["bbox"] << " " << entry["score"]);
        }
        BOOST_TEST_MESSAGE(options << ": " << counts.right << " of " << truth.size() << " right, " << counts.wrong
                                   << " wrong");
        return counts;
    };
    const int numPeople = static_cast<int>(truth.size());
    const Counts plain = detect("--max-detections 300"), tiles = detect("--tile 480 --tile-overlap 0.25");
    BOOST_TEST(tiles.right >= 0.95 * numPeople);
    BOOST_TEST(tiles.wrong <= 0.05 * numPeople);
    BOOST_TEST(plain.right < tiles.right);
    if (const char* folder = std::getenv("D2DET_KEEP_TILES"))  // to look at
    {
        const cv::Mat drawn = cv::imread((world.root / "out/large.png").string());
        cv::imwrite(std::string(folder) + "/tiles.png", drawn);
        cv::imwrite(std::string(folder) + "/tiles_part.png", drawn(cv::Rect(0, 0, 1000, 700)));
        cv::imwrite(std::string(folder) + "/large.png", large);
    }
}

//! A painted thing that moves keeps its number; so does one that stands still.
BOOST_AUTO_TEST_CASE(tracks)
{
    const World world;
    world.video("clip.avi", 1, {96, 64});
    cv::VideoWriter writer((world.root / "still.avi").string(), cv::CAP_OPENCV_MJPEG,
                           cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 8, {96, 64});
    for (int i = 0; i < 5; i++)
        writer.write(makeImage(100, {96, 64}));
    writer.release();
    checkSucceeds(world.run("-o out --track --csv --color-by instance still.avi a/one.png"));
    std::map<int, std::vector<int>> numbers;  // by frame
    for (const json& entry : world.results("out"))
        if (entry.contains("frame"))
            numbers[entry["frame"]].push_back(entry["track_id"]);
        else
            BOOST_TEST(!entry.contains("track_id"));
    BOOST_REQUIRE(numbers.size() == 5U);
    for (const auto& frame : numbers)
    {
        BOOST_TEST(frame.second == numbers[0], "the same image has the same numbers");
        BOOST_TEST(std::set<int>(frame.second.begin(), frame.second.end()).size() == frame.second.size());
    }
    const std::vector<std::string> rows = linesOf((world.root / "out/detections.csv").string());
    BOOST_TEST(rows[0] == "file,frame,class,score,x1,y1,x2,y2,track");
    BOOST_TEST(contains(rows[1], "," + std::to_string(numbers[0][0])));
}

//! Boxes that move evenly keep their numbers, also past each other and through a gap.
BOOST_AUTO_TEST_CASE(numbers_of_moving_boxes)
{
    const auto row = [](double x, int classId)
    {
        const float left = static_cast<float>(x);
        return cv::Mat(cv::Matx<float, 1, 6>(left, 10, left + 40, 90, 0.9f, static_cast<float>(classId)));
    };
    cli::Tracker tracker(5);
    for (int frame = 0; frame < 40; frame++)
    {
        cv::Mat detections;
        detections.push_back(row(12. * frame, 0));
        detections.push_back(row(500 - 12. * frame, 0));
        detections.push_back(row(12. * frame, 1));  // another class at the place of the first
        const std::vector<int> numbers = tracker.update(detections);
        BOOST_TEST((numbers == std::vector<int>{1, 2, 3}), frame);
    }
    for (int frame = 40; frame < 44; frame++)
        BOOST_TEST(tracker.update(cv::Mat()).empty());
    BOOST_TEST((tracker.update(row(12. * 44, 0)) == std::vector<int>{1}), "after a gap");
    for (int frame = 45; frame < 52; frame++)
        tracker.update(cv::Mat());
    BOOST_TEST((tracker.update(row(12. * 52, 0)) == std::vector<int>{4}), "after too long a gap");
}

//! A font that cannot be used is named before anything is looked at.
BOOST_AUTO_TEST_CASE(fonts)
{
    const World world;
    const std::pair<std::string, std::string> wrong[] = {
        {"--font: none.ttf ", world.run("-o out a --font none.ttf").text},
        {"--font: a/one.png ", world.run("-o out a --font a/one.png").text},
        {"D2DET_FONT: none.ttf ", world.run("-o out a", "D2DET_FONT=none.ttf ").text}};
    for (const auto& item : wrong)
    {
        BOOST_TEST(contains(item.second, item.first), item.second);
        BOOST_TEST(std::count(item.second.begin(), item.second.end(), '\n') == 1, item.second);
    }
    BOOST_TEST(!fs::exists(world.root / "out"));
    checkSucceeds(world.run("-o out a --font none", "D2DET_FONT=none.ttf "));
}

//! Models are found by name in the folders of D2DET_PATH and beside the program.
BOOST_AUTO_TEST_CASE(models_by_name)
{
    const World world;
    fs::create_directories(world.root / "share/models");
    fs::create_symlink(std::string(D2DET_SOURCE_DIR) + "/data/models/d2det_mnv2_person.onnx",
                       world.root / "share/models/finder.onnx");
    const std::string program = "D2DET_PATH=$PWD/share '" + programPath("d2det_detect") + "' --score 0.5 a -q -m ";
    checkSucceeds(world.shell(program + "finder"));
    const Outcome outcome = world.shell(program + "findr");
    BOOST_TEST(outcome.code == 1);
    BOOST_TEST(contains(outcome.text, "there is no model 'findr'"), outcome.text);
    BOOST_TEST(contains(outcome.text, "finder"), outcome.text);
}

//! Interrupts in the middle of a video: INT and TERM end cleanly, after KILL the list is still whole.
BOOST_AUTO_TEST_CASE(interrupts)
{
    const int frames = 400;
    const World world;
    world.video("clip.avi", frames, {160, 120});
    for (const std::string signal : {"INT", "TERM", "KILL"})
    {
        fs::remove_all(world.root / "out");
        // The size says that a few frames were written; then the signal.
        const Outcome outcome = world.run(
            "-o out --csv clip.avi & pid=$!\n"
            "while kill -0 $pid && [ $(cat out/detections.json | wc -l) -lt 40 ]; do "
            "sleep 0.02; done 2>/dev/null\nkill -" +
            signal + " $pid; wait $pid");
        const json results = world.results("out");
        BOOST_REQUIRE(results.size() > 30U);
        const int last = results.back()["frame"];
        BOOST_TEST(last < frames - 1, "the signal came too late to test anything");
        if (signal == "KILL")
        {
            BOOST_TEST(outcome.code == 128 + 9, outcome.text);
            BOOST_TEST(!fs::exists(world.root / "out/clip.mp4"));
            continue;
        }
        BOOST_TEST(outcome.code == 130, outcome.text);
        BOOST_TEST(contains(outcome.text, "interrupted; what was found in "), outcome.text);
        BOOST_TEST(linesOf((world.root / "out/detections.csv").string()).size() == results.size() + 1);
        BOOST_TEST(world.tree("out") == NameSet({"clip.mp4", "detections.json", "detections.csv"}));
        const VideoFacts facts = readVideo(world.root / "out/clip.mp4");
        BOOST_TEST((facts.frames >= last + 1 && facts.frames < frames));
        BOOST_TEST(contains(outcome.text, std::to_string(facts.frames) + " frame"), outcome.text);
    }
}

BOOST_AUTO_TEST_SUITE_END()
