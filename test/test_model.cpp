// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The two-stage detectors as a family: loss of the delta head by hand, cells of the dense loss, sampling, stages of a
   cascade, parts that the loss reaches, boxes of several scales. */

#define BOOST_TEST_MODULE model
#include <boost/test/unit_test.hpp>

#include "errors.hpp"
#include "export_models.hpp"
#include "model/losses.hpp"

#include <cmath>
#include <map>
#include <set>

using namespace d2det;
using namespace d2det::test;

namespace
{

constexpr int64_t HEIGHT = 64, WIDTH = 96;

//! Two images with boxes and masks, the second one with a single object.
Batch twoImages()
{
    Batch batch;
    ImageInfo info;
    info.height = HEIGHT;
    info.width = WIDTH;
    torch::manual_seed(3);
    batch.images = ImageBatch(torch::randn({2, 3, HEIGHT, WIDTH}), {info, info});
    const Tensor boxes[] = {torch::tensor({{8.f, 8.f, 40.f, 40.f}, {30.f, 10.f, 90.f, 60.f}}),
                            torch::tensor({{20.f, 4.f, 60.f, 50.f}})};
    for (int i = 0; i < 2; i++)
    {
        const int64_t n = boxes[i].size(0);
        Instances objects(Boxes(boxes[i]), torch::arange(n).add(i).remainder(3));
        Tensor masks = torch::zeros({n, HEIGHT, WIDTH}, torch::kByte);
        for (int64_t k = 0; k < n; k++)
        {
            const float* box = boxes[i].data_ptr<float>() + 4 * k;
            masks[k].slice(0, int64_t(box[1]), int64_t(box[3])).slice(1, int64_t(box[0]), int64_t(box[2])).fill_(1);
        }
        objects.setMasks(masks, torch::ones({n}, torch::kBool));
        batch.targets.push_back(objects);
        batch.imageIds.push_back(i + 1);
    }
    return batch;
}

LossMap lossesOf(Detector& model, const Batch& batch)
{
    return model->losses(batch, at::detail::createCPUGenerator(5));
}

std::set<std::string> namesOf(const LossMap& losses)
{
    std::set<std::string> names;
    for (const auto& item : losses)
        names.insert(item.first);
    return names;
}

const std::vector<float> UNIT{1, 1, 1, 1};

//! Three sampled RoIs of 10 x 10; the second belongs to class 1 and its object is shifted by (2, 0) and twice as high.
SampledRoIs threeRoIs()
{
    SampledRoIs s;
    s.rois = torch::tensor({{0.f, 0.f, 0.f, 10.f, 10.f}, {0.f, 0.f, 0.f, 10.f, 10.f}, {0.f, 5.f, 5.f, 15.f, 15.f}});
    s.labels = torch::tensor({2, 1, 2}, torch::kLong);  // of two classes: 2 is background
    s.positiveRows = torch::tensor({1}, torch::kLong);
    s.positives = {s.rois.slice(0, 1, 2), torch::tensor({{2.f, -5.f, 12.f, 15.f}}), torch::tensor({{20.f, 20.f}}),
                   torch::zeros({1}, torch::kLong), torch::ones({1}, torch::kLong)};
    return s;
}

}  // namespace

/* Targets (dx, dy, dw, dh) = (0.2, 0, 0, ln 2). The loss is the sum over the positives divided by all three RoIs, and
   only the columns of the object's class count. */
BOOST_AUTO_TEST_CASE(delta_loss_by_hand)
{
    const SampledRoIs s = threeRoIs();
    const Tensor zeros = torch::zeros({3, 8});
    const double log2 = std::log(2.0);
    BOOST_TEST(deltaLoss(zeros, s, UNIT, 1, false).item<double>() == (0.5 * 0.04 + 0.5 * log2 * log2) / 3,
               boost::test_tools::tolerance(1e-6));
    BOOST_TEST(
        deltaLoss(zeros, s, {0.1f, 0.1f, 0.2f, 0.2f}, 1, false).item<double>() == ((2 - 0.5) + (5 * log2 - 0.5)) / 3,
        boost::test_tools::tolerance(1e-6));
    BOOST_TEST(deltaLoss(zeros, s, UNIT, 0.1, false).item<double>() == ((0.2 - 0.05) + (log2 - 0.05)) / 3,
               boost::test_tools::tolerance(1e-6));

    Tensor right = torch::zeros({3, 8});
    right[1][4] = 0.2f;
    right[1][7] = static_cast<float>(log2);
    BOOST_TEST(deltaLoss(right, s, UNIT, 1, false).item<double>() < 1e-12);
    BOOST_TEST(deltaLoss(right.slice(1, 4, 8), s, UNIT, 1, false).item<double>() < 1e-12);  // one box for all classes
    right.select(0, 0).fill_(9);                                                            // background
    right[1].slice(0, 0, 4).fill_(9);                                                       // another class
    BOOST_TEST(deltaLoss(right, s, UNIT, 1, false).item<double>() < 1e-12);

    SampledRoIs none = s;
    none.positiveRows = torch::zeros({0}, torch::kLong);
    none.positives = s.positives.select(none.positiveRows);
    const Tensor deltas = torch::ones({3, 8}, torch::requires_grad());
    const Tensor loss = deltaLoss(deltas, none, UNIT, 1, false);
    loss.backward();
    BOOST_TEST(loss.item<double>() == 0);
    BOOST_TEST(deltas.grad().abs().sum().item<double>() == 0);
    checkError("deltas has shape [2, 8], expected [3, 4n]",
               [&] { deltaLoss(zeros.slice(0, 0, 2), s, UNIT, 1, false); });
}

//! decode(target) is the object: the head's targets and its boxes at test time are inverse.
BOOST_AUTO_TEST_CASE(deltas_lead_to_the_object)
{
    ModelConfig config = narrowFaster();
    for (const bool legacy : {false, true})
    {
        DeltaBoxHead head(config.roi, 3, 0.5, legacy);
        BOOST_TEST(head->stds == (std::vector<float>{0.05f, 0.05f, 0.1f, 0.1f}), boost::test_tools::per_element());
        const Tensor rois = torch::tensor({{0.f, 8.f, 9.f, 30.f, 44.f}, {0.f, 0.f, 0.f, 0.f, 0.f}});
        const Tensor object = torch::tensor({{4.f, 20.f, 40.f, 41.f}});
        const Tensor goal =
            encodeDeltas(rois.slice(0, 0, 1).slice(1, 1, 5), object, legacy) / torch::tensor(head->stds);
        torch::NoGradGuard noGrad;
        head->deltas->weight.zero_();
        head->deltas->bias.copy_(goal.repeat({1, 3}));  // the same for all three classes
        const std::vector<Tensor> pyramid;
        const RefinedBoxes out =
            head->refine({pyramid, torch::zeros({2, 64, 1, 1}), rois}, torch::tensor({{50.f, 60.f, 1.f}}));
        BOOST_TEST(out.rois.sizes() == at::IntArrayRef({2, 13}));
        BOOST_TEST((out.rois[0].slice(0, 1) - object.flatten().repeat({3})).abs().max().item<double>() < 1e-4);
        BOOST_TEST(out.rois[1].abs().max().item<double>() == 0, "a padding row has a box");
    }
}

/* Without binary overlap, smooth L1 counts the cells inside the object alone: all others have a negative target, which
   a ReLU cannot reach. At test time every cell counts. */
BOOST_AUTO_TEST_CASE(smooth_l1_trains_towards_reachable_targets)
{
    const Tensor rois = torch::tensor({{0.f, 0.f, 70.f, 70.f}}), gts = torch::tensor({{20.f, -10.f, 90.f, 60.f}});
    BoxHeadConfig config;
    config.binaryOverlap = false;
    config.regressionLoss = RegressionLoss::SMOOTH_L1;
    const Tensor cells = regressionCells(config, rois, gts, 7), goal = denseTargets(rois, gts, 7);
    const Tensor reachable = goal.ge(0).all(1, true);
    BOOST_TEST(torch::equal(cells.gt(0), reachable));
    BOOST_TEST((cells.sum().item<double>() == 30));  // columns 2 to 6 of rows 0 to 5
    const Tensor offsets = torch::full({1, 4, 7, 7}, 0.3, torch::requires_grad());
    denseSmoothL1Loss(rois, offsets, gts, cells, 1, 1).backward();
    BOOST_TEST((offsets.grad().abs().sum(1, true) * reachable.logical_not()).sum().item<double>() == 0);
    BOOST_TEST((offsets.grad().abs().sum(1, true) * reachable).gt(0).sum().item<int64_t>() == 30);

    config.regressionLoss = RegressionLoss::IOU;  // has a best box within reach for every cell
    BOOST_TEST(regressionCells(config, rois, gts, 7).sum().item<double>() == 49);
    config.binaryOverlap = true;
    BOOST_TEST(torch::equal(regressionCells(config, rois, gts, 7), overlapLabels(rois, gts, 7, OverlapRule::SHRUNK)));

    ModelConfig model = narrowConfig();
    model.roi.boxHead.binaryOverlap = false;
    model.roi.boxHead.regressionLoss = RegressionLoss::SMOOTH_L1;
    model.roi.boxHead.overlapThreshold = 0.9f;  // of no overlap that exists
    DenseBoxHead head(model.roi, 32, std::vector<float>{4, 8, 16, 32}, false);
    torch::NoGradGuard noGrad;
    head->offsets->bias.fill_(0.25);
    head->offsets->weight.zero_();
    std::vector<Tensor> pyramid;
    for (const int64_t stride : {4, 8, 16, 32})
        pyramid.push_back(torch::zeros({1, 32, 128 / stride, 128 / stride}));
    const RefinedBoxes out = head->refine({pyramid, Tensor(), torch::tensor({{0.f, 20.f, 20.f, 90.f, 90.f}})},
                                          torch::tensor({{128.f, 128.f, 1.f}}));
    // The mean of all cells' boxes has the middle of the RoI as its center and half its size.
    BOOST_TEST((out.rois - torch::tensor({{0.f, 37.5f, 37.5f, 72.5f, 72.5f}})).abs().max().item<double>() < 1e-3);
}

BOOST_AUTO_TEST_CASE(sampled_rois)
{
    const Batch batch = twoImages();
    auto generator = at::detail::createCPUGenerator(1);
    const Tensor proposals = torch::tensor({{0.f, 9.f, 9.f, 41.f, 41.f},
                                            {0.f, 0.f, 0.f, 0.f, 0.f},  // padding
                                            {1.f, 70.f, 0.f, 90.f, 20.f},
                                            {0.f, 60.f, 50.f, 80.f, 64.f}});
    const SampledRoIs s = sampleRoIs(batch, proposals, 3, {0.5, 100, 0.5, false}, generator);
    // Image 0: two objects and one proposal are positive, one negative; image 1: its object, and one negative.
    BOOST_TEST(s.rois.size(0) == 6);
    BOOST_TEST(s.positives.size() == 4);
    BOOST_TEST(torch::equal(s.positiveRows, torch::tensor({0, 1, 2, 4}, torch::kLong)));
    BOOST_TEST(torch::equal(s.labels, torch::tensor({0, 1, 0, 3, 1, 3}, torch::kLong)));
    BOOST_TEST(torch::equal(s.positives.gtIndex, torch::tensor({0, 1, 0, 0}, torch::kLong)));
    BOOST_TEST(torch::equal(s.positives.rois, s.rois.index_select(0, s.positiveRows)));
    BOOST_TEST(torch::equal(s.positives.labels, s.labels.index_select(0, s.positiveRows)));
    BOOST_TEST(torch::equal(s.positives.gts[3], batch.targets[1].boxes.tensor()[0]));
    const SampledRoIs strict = sampleRoIs(batch, proposals, 3, {0.95, 100, 0.5, false}, generator);
    BOOST_TEST(strict.positives.size() == 3);  // the objects alone
}

//! Every kind has its losses, all finite, and each of its parameters that is not frozen has a gradient.
BOOST_AUTO_TEST_CASE(losses_reach_every_part)
{
    const std::set<std::string> rpn{"rpn_cls", "rpn_box"};
    std::vector<NamedConfig> cases = familyVariants();
    cases.push_back({"d2det", narrowConfig()});
    cases.push_back({"d2det with deformable convolutions", narrowConfig()});
    cases.back().config.backbone.type = BackboneType::RESNET50;
    cases.back().config.backbone.deformableStages = {3, 5};
    const Batch batch = twoImages();
    for (NamedConfig& item : cases)
        BOOST_TEST_CONTEXT(item.name)
        {
            ModelConfig& c = item.config;
            if (c.classNames.size() < 3)
                continue;  // the batch has three classes
            c.rpn.proposalsTrain = c.rpn.preNmsTopNTrain = 100;
            torch::manual_seed(1);
            Detector model(c);
            {
                torch::NoGradGuard noGrad;  // layers that start at zero pass no gradient on
                for (auto& parameter : model->named_parameters())
                    if (parameter.value().requires_grad() && parameter.value().abs().max().item<double>() == 0)
                        parameter.value().normal_(0, 0.01);
            }
            const LossMap losses = lossesOf(model, batch);
            Tensor sum = torch::zeros({});
            for (const auto& [name, value] : losses)
            {
                BOOST_TEST(std::isfinite(value.item<double>()), name);
                BOOST_TEST(value.item<double>() > 0, name);
                sum = sum + value;
            }
            sum.backward();
            // legacy: no anchor of the coarser levels fits into the image, and no RoI is large enough for them
            const auto isReached = [&](const std::string& name)
            { return !c.legacy || name.rfind("fpn.output", 0) != 0 || name.rfind("fpn.output0", 0) == 0; };
            for (const auto& parameter : model->named_parameters())
                if (parameter.value().requires_grad() && isReached(parameter.key()))
                    BOOST_TEST(
                        (parameter.value().grad().defined() && parameter.value().grad().abs().max().item<double>() > 0),
                        parameter.key() << " has no gradient");
            std::set<std::string> expected{"rpn_cls", "rpn_box", "cls"};
            if (c.roi.type == RoIHeadType::D2DET)
                expected.insert({"dlr", "overlap"});
            else
                expected.insert("box");
            if (c.roi.type == RoIHeadType::CASCADE_RCNN)
                for (size_t i = 1; i < c.roi.cascade.positiveIous.size(); i++)
                    expected.insert({"cls" + std::to_string(i + 1), "box" + std::to_string(i + 1)});
            if (c.roi.maskHead.type != MaskHeadType::NONE)
                expected.insert("mask");
            BOOST_TEST(namesOf(losses) == expected, boost::test_tools::per_element());
        }
}

//! Weights of losses are factors, of the stages of a cascade too; the IoU of a stage changes what it samples.
BOOST_AUTO_TEST_CASE(weights_of_losses)
{
    const Batch batch = twoImages();
    ModelConfig config = narrowFaster();
    config.roi.type = RoIHeadType::CASCADE_RCNN;
    config.roi.deltaHead.classAgnostic = true;
    const auto run = [&](const ModelConfig& c)
    {
        torch::manual_seed(1);
        Detector model(c);
        return lossesOf(model, batch);
    };
    LossMap plain = run(config);
    config.rpn.lossWeight = 2;
    config.rpn.boxLossWeight = 4;
    config.roi.classHead.lossWeight *= 8;
    config.roi.deltaHead.lossWeight *= 16;
    config.roi.cascade.lossWeights = {1, 0.25f, 0.5f};
    LossMap weighted = run(config);
    const std::pair<const char*, double> factors[] = {{"rpn_cls", 2}, {"rpn_box", 4}, {"cls", 8},   {"box", 16},
                                                      {"cls2", 4},    {"box2", 8},    {"cls3", 16}, {"box3", 32}};
    for (const auto& [name, factor] : factors)
    {
        BOOST_TEST(plain.at(name).item<double>() > 0);
        BOOST_TEST(weighted.at(name).item<double>() == factor * plain.at(name).item<double>(),
                   boost::test_tools::tolerance(1e-6));
    }
    config.roi.cascade.positiveIous = {0.5f, 0.99f, 0.7f};
    BOOST_TEST(run(config).at("cls2").item<double>() != weighted.at("cls2").item<double>());
}

//! A new deformable layer is the plain one with a mask of 0.5; its names are those of mmdetection.
BOOST_AUTO_TEST_CASE(deformable_convolutions_of_a_backbone)
{
    BackboneConfig config;
    config.type = BackboneType::RESNET50;
    config.levels = {2, 3, 4};
    config.norm = BackboneNorm::NONE;  // so that half of a convolution is half of its weight
    torch::manual_seed(2);
    Backbone plain(config);
    config.deformableStages = {3, 4};
    Backbone deformable(config);
    torch::NoGradGuard noGrad;
    auto mine = deformable->named_parameters();
    size_t halved = 0;
    for (const auto& item : plain->named_parameters())
    {
        mine[item.key()].copy_(item.value());
        const bool inside = item.key().find("layer2.") == 0 || item.key().find("layer3.") == 0;
        if (inside && item.key().find(".conv2.weight") != std::string::npos)
        {
            item.value().mul_(0.5);
            halved++;
        }
    }
    BOOST_TEST(halved == 4u + 6u);
    BOOST_TEST(mine.size() == plain->named_parameters().size() + 2 * halved);
    BOOST_REQUIRE(mine.contains("layer2.0.conv2.conv_offset.weight"));
    BOOST_TEST(mine["layer2.0.conv2.conv_offset.weight"].sizes() == at::IntArrayRef({27, 128, 3, 3}));
    BOOST_TEST(mine["layer3.5.conv2.conv_offset.bias"].sizes() == at::IntArrayRef({27}));
    const Tensor image = torch::randn({2, 3, 64, 96});
    const std::vector<Tensor> expected = plain->forward(image), got = deformable->forward(image);
    for (size_t i = 0; i < expected.size(); i++)
        BOOST_TEST((expected[i] - got[i]).abs().max().item<double>() <= 1e-4 * expected[i].abs().max().item<double>());
    // Offsets of one cell down and to the right, and a mask of 1: the same map, moved.
    mine["layer2.0.conv2.conv_offset.bias"].slice(0, 18).fill_(100);
    ConvUnit unit = deformable->stages[2].blocks[0].units[1];
    unit.relu = false;
    const Tensor input = torch::randn({1, 128, 12, 14});
    const Tensor still = unit.forward(input);
    mine["layer2.0.conv2.conv_offset.bias"].slice(0, 0, 18).fill_(2);  // two cells are one of the output
    const Tensor moved = unit.forward(input);
    BOOST_TEST((still.slice(2, 1, 5).slice(3, 1, 6) - moved.slice(2, 0, 4).slice(3, 0, 5)).abs().max().item<double>() <=
               1e-4 * still.abs().max().item<double>());
}

//! Output and gradient of the ReLU that ends at 6, at its kinks too, against LibTorch's copying function.
BOOST_AUTO_TEST_CASE(relu6_gradient)
{
    struct Owner : torch::nn::Module
    {
    } owner;
    ConvUnit unit = plainConv(owner, "conv", 1, 1, 1);
    unit.relu6 = true;
    unit.conv->weight.detach().fill_(1);
    const Tensor values = torch::tensor({-1.f, 0.f, 1e-3f, 3.f, 5.999f, 6.f, 7.f, 100.f}).view({1, 1, 2, 4});
    const Tensor weights = torch::arange(1, 9).to(torch::kFloat).view({1, 1, 2, 4});
    const Tensor x = values.clone().requires_grad_(), y = values.clone().requires_grad_();
    const Tensor out = unit.forward(x), expected = torch::hardtanh(y, 0, 6);
    (out * weights).sum().backward();
    (expected * weights).sum().backward();
    BOOST_CHECK(torch::equal(out, expected));
    BOOST_CHECK(torch::equal(x.grad(), y.grad()));
    BOOST_CHECK(torch::equal(unit.conv->weight.grad().sum(), (y.grad() * values).sum()));
    torch::NoGradGuard noGrad;
    BOOST_CHECK(torch::equal(unit.forward(values.clone()), expected));
}

//! A cascade starts from the weights of Faster R-CNN: the first stage has the same names.
BOOST_AUTO_TEST_CASE(names_of_the_stages)
{
    ModelConfig config = narrowFaster();
    config.roi.deltaHead.classAgnostic = true;
    const Detector faster(config);
    config.roi.type = RoIHeadType::CASCADE_RCNN;
    const Detector cascade(config);
    const auto all = cascade->named_parameters();
    for (const auto& item : faster->named_parameters())
    {
        BOOST_REQUIRE_MESSAGE(all.contains(item.key()), item.key());
        BOOST_TEST(all[item.key()].sizes() == item.value().sizes());
    }
    for (const char* name : {"class_head2.fc1.weight", "box_head3.deltas.weight"})
        BOOST_TEST(all.contains(name), name);
}

//! Convolutions of the class head come before its first fully connected layer; a layer that is off has no weights.
BOOST_AUTO_TEST_CASE(layers_of_the_class_head)
{
    ModelConfig config = narrowFaster();
    const auto layers = [&]
    {
        std::map<std::string, std::vector<int64_t>> shapes;
        for (const auto& item : Detector(config)->named_parameters())
            if (item.key().rfind("class_head.", 0) == 0)
                shapes[item.key().substr(11)] = item.value().sizes().vec();
        return shapes;
    };
    using Shape = std::vector<int64_t>;
    const auto plain = layers();
    BOOST_TEST(plain.size() == 6u);
    BOOST_TEST((plain.at("fc1.weight") == Shape{1, 64, 32, 7, 7}));
    config.roi.classHead.convs = 2;
    config.roi.classHead.convChannels = 40;
    config.roi.classHead.fcs = 1;
    const auto second = layers();
    BOOST_TEST(second.size() == 8u);
    BOOST_TEST((second.at("conv0.weight") == Shape{1, 40, 32, 3, 3}));
    BOOST_TEST((second.at("conv1.weight") == Shape{1, 40, 40, 3, 3}));
    BOOST_TEST((second.at("conv1.bias") == Shape{1, 40}));
    BOOST_TEST((second.at("fc1.weight") == Shape{1, 64, 40, 7, 7}));
    BOOST_TEST((second.at("classifier.weight") == Shape{1, 4, 64, 1, 1}));

    // The same layers written out.
    Detector model = randomModel(config);
    const torch::NoGradGuard noGrad;
    ClassHeadImpl& head = *model->stages[0].classHead;
    std::vector<Tensor> pyramid;
    for (const int64_t side : {32, 16, 8, 4})
        pyramid.push_back(torch::randn({1, 32, side, side}));
    const Tensor rois = torch::tensor({{0.f, 3.f, 5.f, 60.f, 90.f}, {0.f, 10.f, 10.f, 120.f, 127.f}});
    RoIPool pool(config.roi, {4, 8, 16, 32}, false);
    Tensor x = pool(pyramid, rois, 7, 2);
    for (RoIConv& conv : head.convs)
        x = torch::relu(torch::conv2d(x, conv->weight[0], conv->bias[0], 1, 1));
    const RoIConv& fc = head.fc1[0];
    x = torch::relu(x.flatten(1).matmul(fc->weight[0].flatten(1).t()) + fc->bias);
    const Tensor features = head.features(pyramid, rois);
    BOOST_REQUIRE((features.sizes() == at::IntArrayRef({2, 64, 1, 1})));
    BOOST_TEST((features.flatten(1) - x).abs().max().item<double>() < 1e-4 * x.abs().max().item<double>());
}

//! Scales of anchors: all ratios of one scale are those of a model with that scale.
BOOST_AUTO_TEST_CASE(anchors_of_several_scales)
{
    const std::vector<float> ratios{0.5f, 1, 2};
    RpnConfig config;
    BOOST_TEST(config.anchorsPerCell() == 3);
    config.anchorScales = {4, 8};
    BOOST_TEST(config.anchorsPerCell() == 6);
    const AnchorShapes shapes = config.anchorShapes();
    const Tensor both = gridAnchors(2, 3, 8, shapes.scales, shapes.ratios, false).view({2, 3, 3, 2, 4});
    for (int i = 0; i < 2; i++)
        BOOST_TEST(torch::equal(both.select(3, i),
                                gridAnchors(2, 3, 8, {i == 0 ? 4.f : 8.f}, ratios, false).view({2, 3, 3, 4})));
}
