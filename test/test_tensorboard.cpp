// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What a run leaves to be looked at: event files of TensorBoard, read back by a reader that shares nothing with the
   writer; curves; the command line. No torch. */

#define BOOST_TEST_MODULE tensorboard
#include <boost/test/unit_test.hpp>

#include "base/text.hpp"
#include "report/curves.hpp"
#include "report/tensorboard.hpp"
#include "event_reader.hpp"
#include "temp_folder.hpp"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <sstream>
#include <stdexcept>

using namespace d2det;
using namespace d2det::test;
namespace fs = std::filesystem;

namespace
{

Progress progressAt(int64_t iteration)
{
    Progress progress;
    progress.iteration = iteration;
    progress.total = 100;
    progress.epoch = static_cast<double>(iteration) / 10;
    return progress;
}

boost::property_tree::ptree parseXml(const std::string& text)
{
    std::istringstream stream(text);
    boost::property_tree::ptree tree;
    boost::property_tree::read_xml(stream, tree);
    return tree;
}

//! Texts of the image, those of the legend among them.
std::vector<std::string> textsOf(const std::string& svg)
{
    std::vector<std::string> texts;
    const boost::property_tree::ptree tree = parseXml(svg);
    for (const auto& child : tree.get_child("svg"))
        if (child.first == "text")
            texts.push_back(child.second.data());
    return texts;
}

bool contains(const std::vector<std::string>& list, const std::string& item)
{
    return std::find(list.begin(), list.end(), item) != list.end();
}

size_t countOf(const std::string& text, const std::string& part)
{
    size_t count = 0;
    for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1))
        ++count;
    return count;
}

//! What a shell makes of a line: its arguments.
std::vector<std::string> argumentsInShell(const std::string& line)
{
    FILE* const pipe = ::popen(("printf '%s\\0' " + line).c_str(), "r");
    BOOST_REQUIRE(pipe);
    std::vector<std::string> arguments(1);
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
        if (c == 0)
            arguments.emplace_back();
        else
            arguments.back() += static_cast<char>(c);
    BOOST_TEST(::pclose(pipe) == 0);
    arguments.pop_back();
    return arguments;
}

}  // namespace

//! Values of RFC 3720 B.4, of the usual check text, and of the first bytes of every file that TensorFlow writes.
BOOST_AUTO_TEST_CASE(checksums)
{
    BOOST_TEST(crc32c("", 0) == 0u);
    BOOST_TEST(crc32c("123456789", 9) == 0xe3069283u);
    BOOST_TEST(crc32c(std::string(32, '\0').data(), 32) == 0x8a9136aau);
    BOOST_TEST(crc32c(std::string(32, '\xff').data(), 32) == 0x62a8ab43u);
    BOOST_TEST(maskedCrc32c("\x18\0\0\0\0\0\0\0", 8) == 0x224b7fa3u);
}

BOOST_AUTO_TEST_CASE(numbers_are_read_back)
{
    const TempFolder folder;
    TensorBoardSink sink(folder.path(), 0);
    const std::regex pattern("events\\.out\\.tfevents\\.[0-9]{10,}\\.[A-Za-z0-9._-]+\\." + std::to_string(::getpid()));
    const std::string name = fs::path(sink.path()).filename().string();
    BOOST_TEST(std::regex_match(name, pattern), name);

    const double infinity = std::numeric_limits<double>::infinity();
    sink.write(progressAt(20), {{"loss", 2.5}, {"loss/dlr", 1e-3}, {"rate", -0.0}});
    BOOST_TEST(readEvents(sink.path()).size() == 3u);  // flushed, though the file is open
    sink.write(progressAt(5000000000), {{"loss", infinity}, {"val/caf\xc3\xa9/AP", 0.5}, {"val/caf\xe9/AP", 0.25}});

    const std::vector<Event> events = readEvents(sink.path());
    BOOST_REQUIRE_EQUAL(events.size(), 4u);
    BOOST_TEST(events[0].fileVersion == "brain.Event:2");
    BOOST_TEST(!events[0].start);
    BOOST_TEST(events[1].start);
    BOOST_TEST(events[1].step == 1);
    for (const Event& event : events)
        BOOST_TEST(std::abs(event.wallTime - static_cast<double>(std::time(nullptr))) < 60);
    BOOST_TEST(events[2].step == 20);
    BOOST_TEST(events[2].scalars.size() == 3u);
    BOOST_TEST(events[2].scalars.at("loss") == 2.5f);
    BOOST_TEST(events[2].scalars.at("loss/dlr") == 1e-3f);
    BOOST_TEST(events[3].step == 5000000000);
    BOOST_TEST(events[3].scalars.at("loss") == infinity);
    BOOST_TEST(events[3].scalars.at("val/caf\xc3\xa9/AP") == 0.5f);
    BOOST_TEST(events[3].scalars.at("val/caf\xef\xbf\xbd/AP") == 0.25f);  // protobuf texts must be UTF-8
}

BOOST_AUTO_TEST_CASE(images_are_read_back)
{
    const TempFolder folder;
    TensorBoardSink sink(folder.path(), 0);
    cv::Mat image(90, 160, CV_8UC3, cv::Scalar(40, 60, 50));
    cv::rectangle(image, {20, 30, 60, 40}, cv::Scalar(220, 30, 90), cv::FILLED);
    sink.image(progressAt(7), "val/boxes/3.png", image);
    const std::vector<Event> events = readEvents(sink.path());
    BOOST_REQUIRE_EQUAL(events.size(), 3u);
    BOOST_TEST(events[2].step == 7);
    BOOST_REQUIRE_EQUAL(events[2].images.count("val/boxes/3.png"), 1u);
    const EventImage& stored = events[2].images.at("val/boxes/3.png");
    BOOST_TEST(stored.width == 160);
    BOOST_TEST(stored.height == 90);
    BOOST_TEST(stored.colors == 3);
    const cv::Mat decoded =
        cv::imdecode(std::vector<uchar>(stored.bytes.begin(), stored.bytes.end()), cv::IMREAD_COLOR);
    BOOST_REQUIRE(decoded.size() == image.size());
    BOOST_TEST(cv::norm(decoded, image, cv::NORM_L1) / static_cast<double>(3 * image.total()) < 3);
}

//! A run that goes on has a file of its own, in which TensorBoard is told from which step on the earlier ones are void.
BOOST_AUTO_TEST_CASE(a_resume_starts_a_new_file)
{
    const TempFolder folder;
    TensorBoardSink first(folder.path(), 0);
    first.write(progressAt(5), {{"loss", 1}});
    const std::string before = readBytes(first.path());
    TensorBoardSink second(folder.path(), 4);
    second.write(progressAt(5), {{"loss", 2}});
    BOOST_TEST(first.path() != second.path());
    BOOST_TEST(first.path() < second.path());  // TensorBoard reads in this order
    BOOST_TEST(readBytes(first.path()) == before);
    const std::vector<Event> events = readEvents(second.path());
    BOOST_REQUIRE_EQUAL(events.size(), 3u);
    BOOST_TEST(events[1].start);
    BOOST_TEST(events[1].step == 5);
}

//! The test's own reader notices every wrong bit.
BOOST_AUTO_TEST_CASE(the_reader_checks)
{
    const TempFolder folder;
    const std::string good = [&]
    {
        TensorBoardSink sink(folder.path(), 0);
        return readBytes(sink.path());
    }();
    folder.write("good", good);
    BOOST_TEST(readEvents(folder / "good").size() == 2u);
    for (size_t i = 0; i < good.size(); i++)
    {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ (1 << i % 8));
        folder.write("bad", bad);
        BOOST_CHECK_THROW(readEvents(folder / "bad"), std::runtime_error);
    }
    folder.write("bad", good.substr(0, good.size() - 1));
    BOOST_CHECK_THROW(readEvents(folder / "bad"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_not_there)
{
    const TempFolder folder;
    BOOST_CHECK_EXCEPTION(TensorBoardSink(folder / "none", 0), std::runtime_error,
                          [](const std::runtime_error& error)
                          { return std::string(error.what()).find("cannot be written") != std::string::npos; });
}

BOOST_AUTO_TEST_CASE(tables)
{
    const TempFolder folder;
    folder.write("log.csv", "iteration,epoch,loss\n1,0.5,2.25\n2,1.0,\n\n3,1.5,no\n4\n5,2.0,nan,9,9\n");
    const CsvTable table = readCsv(folder / "log.csv");
    BOOST_REQUIRE_EQUAL(table.names.size(), 3u);
    BOOST_REQUIRE_EQUAL(table.rows(), 5u);
    BOOST_TEST(table.column("epoch")->at(1) == 1.0);
    BOOST_TEST(table.column("loss")->at(0) == 2.25);
    for (size_t i = 1; i < 5; i++)
        BOOST_TEST(std::isnan(table.column("loss")->at(i)), i);
    BOOST_TEST(!table.column("val"));
    BOOST_TEST(readCsv(folder / "none.csv").rows() == 0u);
}

BOOST_AUTO_TEST_CASE(smoothing)
{
    const double gap = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> straight = {1, 2, 3, 4, 5, 6};
    BOOST_TEST(smoothed(straight, 2) == straight, boost::test_tools::per_element());  // nothing is shifted
    BOOST_TEST(smoothed({3, 0, 3, 0, 3}, 1) == (std::vector<double>{3, 2, 1, 2, 3}), boost::test_tools::per_element());
    BOOST_TEST(smoothed({1, gap, 5}, 1)[1] == 3);
    BOOST_TEST(std::isnan(smoothed({gap, gap, gap}, 1)[1]));
    BOOST_TEST(smoothed({}, 3).empty());
}

BOOST_AUTO_TEST_CASE(curves)
{
    const TempFolder folder;
    std::string log = "iteration,epoch,grad_norm,loss,loss/<cls>,loss/dlr\n";
    for (int i = 1; i <= 300; i++)
    {
        const double loss = 2 * std::exp(-i / 80.) + 0.2 * std::sin(i * 12.9);
        log += std::to_string(i) + "," + std::to_string(i / 30.) + ",1," + std::to_string(loss + 1) + "," +
               std::to_string(loss / 2 + 0.7) + ",0.3\n";
    }
    folder.write("log.csv", log);
    const std::string loss = lossCurves(readCsv(folder / "log.csv"));
    const std::vector<std::string> texts = textsOf(loss);
    for (const char* text : {"Loss", "total", "<cls>", "dlr", "epoch"})
        BOOST_TEST(contains(texts, text), text);
    BOOST_TEST(!contains(texts, "grad_norm"));
    BOOST_TEST(countOf(loss, "<polyline") == 6u);  // three smooth, three faint
    BOOST_TEST(countOf(loss, "stroke-opacity=\"0.22\"") == 3u);

    folder.write("eval.csv",
                 "iteration,epoch,val/a/b/AP,val/a/b/AP50,val/a/b/"
                 "mask_AP\n10,1,0.1,0.3,-1\n20,2,0.2,0.4,0.1\n30,3,0.3,0.5,0.2\n");
    const std::string precision = precisionCurves(readCsv(folder / "eval.csv"));
    const std::vector<std::string> names = textsOf(precision);
    for (const char* text : {"Average precision on a/b", "AP", "AP50", "mask AP"})
        BOOST_TEST(contains(names, text), text);
    BOOST_TEST(countOf(precision, "<polyline") == 3u);
    BOOST_TEST(countOf(precision, "<circle") == 8u);  // -1 is no point

    folder.write("two.csv", "iteration,epoch,val/a/AP,val/b/AP\n10,1,0.1,0.3\n");
    const std::vector<std::string> two = textsOf(precisionCurves(readCsv(folder / "two.csv")));
    BOOST_TEST(contains(two, "a AP"));
    BOOST_TEST(contains(two, "b AP"));
    BOOST_TEST(contains(textsOf(lossCurves({})), "no data"));
    BOOST_TEST(contains(textsOf(precisionCurves({})), "no data"));
}

BOOST_AUTO_TEST_CASE(commands_can_be_pasted)
{
    BOOST_TEST(shellCommand({"d2det_train", "--set", "solver.epochs=2", "-o", "runs/a"}) ==
               "d2det_train --set solver.epochs=2 -o runs/a");
    BOOST_TEST(shellCommand({"a b", "", "it's"}) == "'a b' '' 'it'\\''s'");
    std::vector<std::string> arguments = {
        "", "'", "''x'", "$HOME `id` \\ \" ! # ~ * ? [a] {b} ; & | < > ( )", "two\nlines", "\xff\xe9", "~", "#", "-n"};
    for (int c = 1; c < 256; c++)
        arguments.push_back("x" + std::string(1, static_cast<char>(c)) + "y");
    BOOST_TEST(argumentsInShell(shellCommand(arguments)) == arguments, boost::test_tools::per_element());
}
