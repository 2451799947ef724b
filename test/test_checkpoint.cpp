// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Weight files and checkpoints: round trips, names, malicious bytes, solver and schedule. */

#define BOOST_TEST_MODULE checkpoint
#include <boost/test/unit_test.hpp>

#include "base/atomic_file.hpp"
#include "engine/checkpoint.hpp"
#include "engine/solver.hpp"
#include "model/backbone.hpp"
#include "errors.hpp"
#include "shared_data.hpp"
#include "temp_folder.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

using namespace d2det;
using namespace d2det::test;
namespace fs = std::filesystem;
namespace utf = boost::unit_test;

namespace
{

//! A file with a given header text and data bytes.
std::string fileOf(const std::string& header, const std::string& data)
{
    std::string text;
    for (int i = 0; i < 8; i++)
        text += static_cast<char>(header.size() >> (8 * i));
    return text + header + data;
}

//! Why a file of these bytes is refused, "" if it is read.
std::string readError(const TempFolder& folder, const std::string& bytes)
{
    const std::string path = folder.write("malformed.safetensors", bytes);
    return errorOf([&] { readSafetensors(path); });
}

TensorFile sample()
{
    TensorFile file;
    torch::manual_seed(1);
    file.tensors["a.float"] = torch::randn({2, 3, 4});
    file.tensors["b.half"] = torch::randn({5}).to(torch::kHalf);
    file.tensors["c.double"] = torch::randn({1, 1}).to(torch::kDouble);
    file.tensors["d.bfloat"] = torch::randn({3}).to(torch::kBFloat16);
    file.tensors["e.long"] = torch::arange(-3, 4);
    file.tensors["f.int"] = torch::arange(4, torch::kInt);
    file.tensors["g.byte"] = torch::arange(9).to(torch::kByte);
    file.tensors["h.empty"] = torch::zeros({0, 7});
    file.tensors["i.scalar"] = torch::tensor(2.5f);
    file.tensors["j.channels_last"] = torch::randn({2, 3, 4, 5}).contiguous(torch::MemoryFormat::ChannelsLast);
    file.metadata = {{"iteration", "12"}, {"config", "{\"x\": \"\xc3\xa4\"}"}};
    return file;
}

struct TwoLayers : torch::nn::Module
{
    TwoLayers()
    {
        first = register_module("first", torch::nn::Linear(3, 4));
        second = register_module("second", torch::nn::Linear(4, 1));
    }
    torch::Tensor forward(const torch::Tensor& input) { return second(torch::tanh(first(input))); }
    torch::nn::Linear first{nullptr}, second{nullptr};
};

}  // namespace

BOOST_AUTO_TEST_CASE(round_trip)
{
    const TempFolder folder;
    const TensorFile file = sample();
    writeSafetensors(folder / "x.safetensors", file);
    const TensorFile again = readSafetensors(folder / "x.safetensors");
    BOOST_TEST(again.metadata == file.metadata, boost::test_tools::per_element());
    BOOST_REQUIRE_EQUAL(again.tensors.size(), file.tensors.size());
    for (const auto& item : file.tensors)
    {
        const torch::Tensor& read = again.tensors.at(item.first);
        BOOST_TEST((read.scalar_type() == item.second.scalar_type()), item.first);
        BOOST_TEST((read.sizes() == item.second.sizes()), item.first);
        BOOST_TEST(torch::equal(read, item.second), item.first);
    }
    // Only the file itself is left, and the same contents give the same bytes.
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
    writeSafetensors(folder / "y.safetensors", again);
    BOOST_TEST((textOf(folder / "x.safetensors") == textOf(folder / "y.safetensors")));
}

BOOST_AUTO_TEST_CASE(a_failed_write_keeps_the_old_file)
{
    const TempFolder folder;
    writeTextAtomically(folder / "x", "old");
    TensorFile file;
    file.tensors["complex"] = torch::zeros({2}, torch::kComplexFloat);
    BOOST_CHECK_THROW(writeSafetensors(folder / "x", file), std::runtime_error);
    BOOST_CHECK_THROW(copyFileAtomically(folder / "none", folder / "x"), std::runtime_error);
    BOOST_CHECK_THROW(writeSafetensors(folder / "none/x", sample()), std::runtime_error);
    BOOST_TEST(textOf(folder / "x") == "old");
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

BOOST_AUTO_TEST_CASE(malformed_files)
{
    const TempFolder folder;
    const auto entry = [](const std::string& type, const std::string& shape, const std::string& offsets)
    { return "{\"a\":{\"dtype\":" + type + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}"; };
    const std::string good = entry("\"F32\"", "[2]", "[0,8]");
    const std::string eight(8, '\0');
    BOOST_TEST(readError(folder, fileOf(good, eight)) == "");
    const std::pair<std::string, const char*> cases[] = {
        {"", "too short"},
        {"1234567", "too short"},
        {std::string(8, '\xff'), "header length"},
        {std::string("\x10\0\0\0\0\0\0\0{}", 10), "header length"},
        {fileOf("{", ""), "parse error"},
        {fileOf("[]", ""), "not a JSON object"},
        {fileOf(std::string(100000, '['), ""), "nested too deeply"},
        {fileOf("{\"a\":3}", ""), "no \"dtype\""},
        {fileOf("{\"__metadata__\":{\"x\":1}}", ""), "__metadata__.x is not a text"},
        {fileOf("{\"__metadata__\":[]}", ""), "__metadata__ is not an object"},
        {fileOf(good, eight.substr(1)), "truncated"},
        {fileOf(entry("\"F33\"", "[2]", "[0,8]"), eight), "unknown type 'F33'"},
        {fileOf(entry("3", "[2]", "[0,8]"), eight), "malformed"},
        {fileOf(entry("\"F32\"", "[3]", "[0,8]"), eight), "disagree"},
        {fileOf(entry("\"F32\"", "[-2]", "[0,8]"), eight), "is not an integer >= 0"},
        {fileOf(entry("\"F32\"", "[2.0]", "[0,8]"), eight), "is not an integer >= 0"},
        {fileOf(entry("\"F32\"", "[2]", "[8,0]"), eight), "not inside"},
        {fileOf(entry("\"F32\"", "[2]", "[8,16]"), eight), "not inside"},
        {fileOf(entry("\"F32\"", "[2]", "[0]"), eight), "malformed"},
        {fileOf(entry("\"F32\"", "[2]", "[18446744073709551608,0]"), eight), "not inside"},
        {fileOf(entry("\"F32\"", "[4611686018427387905,2]", "[0,8]"), eight), "disagree"},
        {fileOf(entry("\"F32\"", "[4294967296,4294967296,2]", "[0,8]"), eight), "disagree"},
        {fileOf(entry("\"F32\"", "[0,9223372036854775807,9223372036854775807]", "[0,0]"), eight), "disagree"},
        {fileOf(entry("\"F32\"", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]", "[0,8]"), eight), "malformed"},
        {fileOf("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                eight),
         "overlap"},
    };
    for (const auto& item : cases)
    {
        const std::string error = readError(folder, item.first);
        BOOST_TEST(error.find(item.second) != std::string::npos, "'" << error << "' lacks '" << item.second << "'");
    }
    BOOST_CHECK_THROW(readSafetensors(folder.path()), std::runtime_error);
    BOOST_CHECK_THROW(readSafetensors(folder / "none"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(counts_in_the_metadata)
{
    TensorFile file;
    const auto count = [&] { return metadataCount(file, "steps"); };
    checkContains(errorOf<Error>(count), "'steps'");
    for (const char* bad : {"", "x", "-1", "+1", "1.0", " 1", "1 ", "0x1", "1000000000000000"})
    {
        file.metadata["steps"] = bad;
        checkContains(errorOf<Error>(count), "'steps'");
    }
    const std::pair<const char*, int64_t> good[] = {{"0", 0}, {"007", 7}, {"999999999999999", 999999999999999}};
    for (const auto& item : good)
    {
        file.metadata["steps"] = item.first;
        BOOST_TEST(count() == item.second);
    }
}

//! Every truncation and many single damaged bytes: read or std::runtime_error.
BOOST_AUTO_TEST_CASE(damaged_files)
{
    const TempFolder folder;
    const std::string path = folder / "x.safetensors";
    writeSafetensors(path, sample());
    const std::string whole = textOf(path);
    for (size_t size = 0; size < whole.size(); size += 1 + size / 64)
        BOOST_TEST(!readError(folder, whole.substr(0, size)).empty(), "read a file of " << size << " bytes");
    std::mt19937 random(2);
    const size_t headerEnd = whole.find(']', whole.rfind("data_offsets"));
    for (int round = 0; round < 2000; round++)
    {
        std::string damaged = whole;
        damaged[random() % headerEnd] = static_cast<char>(random());
        readError(folder, damaged);  // any other exception ends the test
    }
}

BOOST_AUTO_TEST_CASE(names_of_weights)
{
    BackboneConfig config;
    config.type = BackboneType::RESNET18;
    config.frozenStages = 0;
    struct Owner : torch::nn::Module
    {
        explicit Owner(const BackboneConfig& c) { backbone = register_module("backbone", Backbone(c)); }
        Backbone backbone{nullptr};
    };
    const auto source = std::make_shared<Owner>(config), target = std::make_shared<Owner>(config);
    TensorMap plain;
    for (const auto& item : namedTensors(*source->backbone))
        plain[item.first] = item.second.dim() == 4 ? item.second.to(torch::kHalf) : item.second;
    plain["fc.weight"] = torch::zeros({10, 512});
    const torch::Tensor conv1 = plain.at("conv1.weight");
    plain.erase("layer1.0.conv1.weight");
    plain["layer1.0.conv2.weight"] = torch::zeros({1});
    const LoadReport report = initializeModel(*target, plain);
    BOOST_TEST(report.unused == std::vector<std::string>{"fc.weight"}, boost::test_tools::per_element());
    BOOST_TEST(report.missing == std::vector<std::string>{"backbone.layer1.0.conv1.weight"},
               boost::test_tools::per_element());
    BOOST_TEST(report.mismatched == std::vector<std::string>{"backbone.layer1.0.conv2.weight"},
               boost::test_tools::per_element());
    BOOST_TEST(report.matched.size() + 2 == namedTensors(*target).size());
    BOOST_TEST(torch::equal(namedTensors(*target).at("backbone.conv1.weight"), conv1.to(torch::kFloat)));
    BOOST_TEST(report.summary().find("fc.weight") != std::string::npos);

    BOOST_CHECK_THROW(initializeModel(*target, TensorMap{{"x", torch::zeros({1})}}), std::runtime_error);
    BOOST_CHECK_THROW(restoreModel(*target, plain), std::runtime_error);
    restoreModel(*target, namedTensors(*source));
    for (const auto& item : namedTensors(*source))
        BOOST_TEST(torch::equal(item.second, namedTensors(*target).at(item.first)), item.first);
}

BOOST_AUTO_TEST_CASE(averages_are_preferred)
{
    TensorFile file;
    file.tensors["model.a"] = torch::zeros({1});
    file.tensors["model.b"] = torch::zeros({1});
    file.tensors["ema.a"] = torch::ones({1});
    file.tensors["optimizer.a.momentum"] = torch::ones({1});
    BOOST_TEST(modelWeights(file).size() == 2u);
    BOOST_TEST(modelWeights(file).at("a").item<float>() == 1);
    BOOST_TEST(modelWeights(file, false).at("a").item<float>() == 0);
    BOOST_CHECK_THROW(checkpointConfig(file), std::runtime_error);
    file.metadata["config"] = configToJson(Config());
    BOOST_TEST(configToJson(checkpointConfig(file)) == file.metadata["config"]);
}

//! Against the closed form of each schedule.
BOOST_AUTO_TEST_CASE(schedules)
{
    SolverConfig config;
    config.learningRate = 1;
    config.warmupIterations = 10;
    config.warmupFactor = 0.1;
    config.steps = {2, 3};
    config.epochs = 4;
    BOOST_TEST(learningRate(config, 0, 100) == 0.1, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(learningRate(config, 5, 100) == 0.55, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(learningRate(config, 10, 100) == 1.0);
    BOOST_TEST(learningRate(config, 199, 100) == 1.0);
    BOOST_TEST(learningRate(config, 200, 100) == 0.1, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(learningRate(config, 300, 100) == 0.01, boost::test_tools::tolerance(1e-12));
    config.schedule = Schedule::COSINE;
    config.warmupIterations = 1000;  // a fifth of the run is all it gets
    const double fifth = config.epochs * 100 / 5;
    BOOST_TEST(learningRate(config, static_cast<int64_t>(fifth), 100) > 0.5 * config.learningRate);
    BOOST_TEST(learningRate(config, 0, 100) == 0.1, boost::test_tools::tolerance(1e-12));
    config.warmupIterations = 10;
    BOOST_TEST(learningRate(config, 200, 100) == 0.5, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(learningRate(config, 400, 100) < 1e-12);
    BOOST_TEST(learningRate(config, 500, 100) < 1e-12);
}

//! Our steps against LibTorch's optimizers; then the saved state continues exactly.
BOOST_AUTO_TEST_CASE(steps_equal_those_of_libtorch)
{
    for (const Optimizer kind : {Optimizer::SGD, Optimizer::ADAM})
    {
        SolverConfig config;
        config.optimizer = kind;
        config.weightDecay = 0.01;
        torch::manual_seed(3);
        const auto ours = std::make_shared<TwoLayers>(), theirs = std::make_shared<TwoLayers>();
        restoreModel(*theirs, namedTensors(*ours));
        Solver solver(config, *ours);
        std::unique_ptr<torch::optim::Optimizer> reference;
        if (config.optimizer == Optimizer::SGD)
            reference = std::make_unique<torch::optim::SGD>(
                theirs->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(0.01));
        else
            reference = std::make_unique<torch::optim::AdamW>(theirs->parameters(),
                                                              torch::optim::AdamWOptions(0.1).weight_decay(0.01));
        for (int i = 0; i < 20; i++)
        {
            const torch::Tensor input = torch::randn({8, 3});
            solver.zeroGrad();
            ours->forward(input).square().mean().backward();
            solver.step(0.1);
            reference->zero_grad();
            theirs->forward(input).square().mean().backward();
            reference->step();
        }
        for (const auto& item : namedTensors(*ours))
            BOOST_TEST(torch::allclose(item.second, namedTensors(*theirs).at(item.first), 1e-5, 1e-6),
                       (kind == Optimizer::SGD ? "sgd " : "adam ") << item.first);
    }
}

BOOST_AUTO_TEST_CASE(clipping)
{
    SolverConfig config;
    config.clipGradNorm = 0.5;
    const auto model = std::make_shared<TwoLayers>();
    Solver solver(config, *model);
    const auto gradients = [&]
    {
        double sum = 0;
        for (const auto& parameter : model->parameters())
            sum += parameter.grad().square().sum().item<double>();
        return std::sqrt(sum);
    };
    (100 * model->forward(torch::ones({4, 3})).sum()).backward();
    const double before = gradients();
    BOOST_TEST(before > 1);
    BOOST_TEST(solver.clipGradients().item<double>() == before, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(gradients() == 0.5, boost::test_tools::tolerance(1e-4));
    model->parameters()[0].mutable_grad().fill_(std::numeric_limits<float>::quiet_NaN());
    BOOST_TEST(!std::isfinite(solver.clipGradients().item<double>()));
}

BOOST_AUTO_TEST_CASE(moving_average)
{
    SolverConfig config;
    config.ema = 0.5;
    config.momentum = 0;
    config.weightDecay = 0;
    const auto model = std::make_shared<TwoLayers>();
    Solver solver(config, *model);
    torch::Tensor& weight = model->first->weight;
    torch::Tensor expected = weight.detach().clone();
    for (int t = 1; t <= 12; t++)
    {
        solver.zeroGrad();
        model->forward(torch::randn({4, 3})).square().sum().backward();
        solver.step(0.01);
        const double decay = std::min(0.5, (1.0 + t) / (10.0 + t));
        expected = decay * expected + (1 - decay) * weight.detach();
    }
    const torch::Tensor trained = weight.detach().clone();
    solver.swapAverage();
    BOOST_TEST(torch::allclose(weight, expected, 1e-5, 1e-6));
    BOOST_TEST(!torch::equal(weight, trained));
    solver.swapAverage();
    BOOST_TEST(torch::equal(weight, trained));
}

BOOST_AUTO_TEST_CASE(saved_state_continues_exactly)
{
    const TempFolder folder;
    for (const Optimizer kind : {Optimizer::SGD, Optimizer::ADAM})
    {
        SolverConfig config;
        config.optimizer = kind;
        config.ema = 0.9;
        torch::manual_seed(4);
        const auto model = std::make_shared<TwoLayers>(), copy = std::make_shared<TwoLayers>();
        const auto train = [](TwoLayers& net, Solver& solver, int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                torch::manual_seed(i);
                solver.zeroGrad();
                net.forward(torch::randn({8, 3})).square().mean().backward();
                solver.step(0.05);
            }
        };
        Solver solver(config, *model);
        train(*model, solver, 0, 5);
        TensorFile file;
        for (const auto& item : namedTensors(*model))
            file.tensors["model." + item.first] = item.second;
        solver.save(file);
        writeSafetensors(folder / "x", file);
        train(*model, solver, 5, 9);

        const TensorFile read = readSafetensors(folder / "x");
        restoreModel(*copy, modelWeights(read, false));
        Solver second(config, *copy);
        second.load(read);
        train(*copy, second, 5, 9);
        solver.swapAverage();
        second.swapAverage();
        for (const auto& item : namedTensors(*model))
            BOOST_TEST(torch::equal(item.second, namedTensors(*copy).at(item.first)),
                       (kind == Optimizer::SGD ? "sgd " : "adam ") << item.first);

        SolverConfig other = config;
        other.optimizer = kind == Optimizer::SGD ? Optimizer::ADAM : Optimizer::SGD;
        Solver wrong(other, *copy);
        BOOST_CHECK_THROW(wrong.load(read), std::runtime_error);
        BOOST_CHECK_THROW(second.load(TensorFile()), std::runtime_error);
    }
}

// ---- with the real weight files ----

BOOST_AUTO_TEST_SUITE(shared, *utf::precondition(d2det::test::sharedPresent))

BOOST_AUTO_TEST_CASE(backbones_take_their_weights)
{
    struct Case
    {
        const char* file;
        BackboneType type;
        BackboneNorm norm;
        std::vector<int> levels;
    };
    const Case cases[] = {
        {"resnet50_stem_layer1-3.safetensors", BackboneType::RESNET50, BackboneNorm::FROZEN_BN, {2, 3, 4}},
        {"resnet18_stem_layer1-3_folded.safetensors", BackboneType::RESNET18, BackboneNorm::NONE, {2, 3, 4}},
        {"mobilenet_v2_folded.safetensors", BackboneType::MOBILENET_V2, BackboneNorm::NONE, {2, 3, 4, 5}},
    };
    for (const Case& item : cases)
    {
        BackboneConfig config;
        config.type = item.type;
        config.norm = item.norm;
        config.levels = item.levels;
        Backbone backbone(config);
        const LoadReport report = initializeModel(
            *backbone, readSafetensors((test::sharedFolder() / "data" / "weights" / item.file).string()).tensors);
        BOOST_TEST(report.missing.empty(), item.file << ": " << report.summary());
        BOOST_TEST(report.mismatched.empty(), item.file << ": " << report.summary());
        BOOST_TEST(report.matched.size() >= 30u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
