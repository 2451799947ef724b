// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A data set of colored rectangles that every test paints for itself, a detector small enough to be trained on it, and
   what tests of training runs have in common. */

#ifndef D2DET_TEST_TRAINING_WORLD_HPP
#define D2DET_TEST_TRAINING_WORLD_HPP

#include "engine/trainer.hpp"
#include "errors.hpp"
#include "temp_folder.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace d2det
{
namespace test
{

//! A folder with images, annotations and run folders, removed at the end.
struct World
{
    static constexpr int IMAGES = 8;

    World()
    {
        std::filesystem::create_directories(path("images"));
        paint();
    }

    std::string path(const std::string& name) const { return folder / name; }

    //! One bright rectangle per image: class "flat" if it is wider than tall, else "tall".
    void paint() const
    {
        nlohmann::json file = {{"categories", {{{"id", 3}, {"name", "flat"}}, {{"id", 5}, {"name", "tall"}}}},
                               {"images", nlohmann::json::array()},
                               {"annotations", nlohmann::json::array()}};
        cv::RNG random(7);
        for (int i = 0; i < IMAGES; i++)
        {
            cv::Mat image(64, 96, CV_8UC3, cv::Scalar(40, 60, 50));
            const bool flat = i % 2 == 0;
            const cv::Rect box(random.uniform(2, 30), random.uniform(2, 20), flat ? 50 : 20, flat ? 18 : 40);
            cv::rectangle(image, box, cv::Scalar(200, 220, flat ? 60 : 240), cv::FILLED);
            const std::string name = std::to_string(i) + ".png";
            cv::imwrite(path("images/" + name), image);
            file["images"].push_back({{"id", i + 1}, {"file_name", name}, {"width", 96}, {"height", 64}});
            file["annotations"].push_back({{"id", i},
                                           {"image_id", i + 1},
                                           {"category_id", flat ? 3 : 5},
                                           {"bbox", {box.x, box.y, box.width, box.height}},
                                           {"area", box.area()},
                                           {"iscrowd", 0}});
            if (i % 4 < 3)  // one in four has no outline
                file["annotations"].back()["segmentation"] = {
                    {box.x, box.y, box.br().x, box.y, box.br().x, box.br().y, box.x, box.br().y}};
        }
        std::ofstream(path("boxes.json")) << file;
    }

    Config config() const
    {
        Config c;
        c.model.backbone.type = BackboneType::MOBILENET_V2;
        c.model.backbone.norm = BackboneNorm::NONE;
        c.model.backbone.levels = {3, 4};
        c.model.backbone.frozenStages = 1;
        c.model.fpn.channels = 8;
        c.model.rpn.channels = 8;
        c.model.rpn.anchorScale = 4;
        c.model.rpn.batchPerImage = 32;
        c.model.rpn.preNmsTopNTrain = c.model.rpn.postNmsTopNTrain = c.model.rpn.proposalsTrain = 50;
        c.model.rpn.preNmsTopNTest = c.model.rpn.postNmsTopNTest = c.model.rpn.proposalsTest = 20;
        c.model.roi.levels = 2;
        c.model.roi.finestScale = 32;
        c.model.roi.batchPerImage = 16;
        c.model.roi.classHead.sharedLevels = true;
        c.model.roi.classHead.offsetChannels = 8;
        c.model.roi.classHead.fcChannels = 16;
        c.model.roi.boxHead.convs = 2;
        c.model.roi.boxHead.channels = 8;
        c.model.roi.boxHead.normGroups = 2;
        c.model.roi.boxHead.maxRois = 8;
        c.model.test.scoreThreshold = 0.01f;
        c.model.test.preDetections = c.model.test.maxDetections = 10;
        c.model.input.shortSide = 64;
        c.model.input.longSide = 96;
        c.data.train = {{path("boxes.json"), path("images"), "", 1}};
        c.data.val = c.data.train;
        c.data.shortSides = {48, 64};
        c.data.longSide = 96;
        c.data.workers = 1;
        c.solver.batchSize = 2;
        c.solver.epochs = 1.5;  // 6 iterations
        c.solver.learningRate = 0.005;
        c.solver.warmupIterations = 2;
        c.solver.ema = 0.9;
        c.solver.checkpointEvery = 3;
        c.solver.logEvery = 1;
        return c;
    }

    TrainOptions options(const std::string& run) const
    {
        TrainOptions o;
        o.output = path(run);
        o.threads = 1;
        o.console = false;
        return o;
    }

    TensorFile last(const std::string& run) const { return readSafetensors(path(run + "/last.safetensors")); }

    TempFolder folder;
};

inline void checkEqual(const TensorFile& a, const TensorFile& b)
{
    BOOST_REQUIRE_EQUAL(a.tensors.size(), b.tensors.size());
    for (const auto& item : a.tensors)
        BOOST_TEST(torch::equal(item.second, b.tensors.at(item.first)), item.first << " differs");
    BOOST_TEST(a.metadata == b.metadata, boost::test_tools::per_element());
}

inline std::string trainError(const Config& config, const TrainOptions& options)
{
    return errorOf([&] { Trainer(config, options).run(); });
}

}  // namespace test
}  // namespace d2det

#endif
