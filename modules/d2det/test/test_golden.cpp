// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Every stored vector of the operators (operators.md 1) through cv::dnn: one-node model, inputs set by name, all
   outputs compared with |got - expected| <= atol + rtol * |expected|. */

#include "operators/all.hpp"
#include "test_precomp.hpp"

#include "opencv2/dnn.hpp"

#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace opencv_test
{
namespace
{

struct Vector
{
    std::string op, folder;
};

FileStorage openJson(const std::string& path)
{
    FileStorage file(path, FileStorage::READ | FileStorage::FORMAT_JSON);
    if (!file.isOpened())
        CV_Error(Error::StsObjectNotFound, "cannot read " + path);
    return file;
}

//! The operator vectors of the index: kinds "op" and "proposed".
std::vector<Vector> listVectors()
{
    std::vector<Vector> result;
    const FileStorage index = openJson(sharedPath("golden/index.json"));
    for (const FileNode& node : index["vectors"])
    {
        const std::string kind = node["kind"];
        if (kind == "op" || kind == "proposed")
            result.push_back({node["op"], sharedPath("golden/" + static_cast<std::string>(node["path"])) + "/"});
    }
    return result;
}

std::string shapeOf(const Mat& m)
{
    std::ostringstream text;
    for (int i = 0; i < m.dims; i++)
        text << (i ? " x " : "") << m.size[i];
    return text.str();
}

void compare(const Mat& got, const Mat& expected, double atol, double rtol, const std::string& name)
{
    ASSERT_EQ(shapeOf(expected), shapeOf(got)) << name;
    ASSERT_EQ(CV_32F, got.type()) << name;
    int bad = 0;
    const float *a = got.ptr<float>(), *b = expected.ptr<float>();
    for (size_t i = 0; i < expected.total(); i++)
        if (!(std::abs(static_cast<double>(a[i]) - b[i]) <= atol + rtol * std::abs(static_cast<double>(b[i]))) &&
            ++bad <= 3)
            ADD_FAILURE() << name << "[" << i << "] is " << a[i] << ", expected " << b[i] << " (atol " << atol
                          << ", rtol " << rtol << ")";
    EXPECT_EQ(0, bad) << name << ": wrong values of " << expected.total();
}

void runVector(const Vector& vector)
{
    SCOPED_TRACE(vector.folder);
    const FileStorage description = openJson(vector.folder + "case.json");
    dnn::Net net = dnn::readNetFromONNX(vector.folder + "model.onnx");
    for (const FileNode& node : description["inputs"])
    {
        const std::string name = node;
        net.setInput(dnn::readTensorFromONNX(vector.folder + "in_" + name + ".pb"), name);
    }
    std::vector<String> names;
    for (const FileNode& node : description["outputs"])
        names.push_back(static_cast<std::string>(node));
    std::vector<Mat> outputs;
    net.forward(outputs, names);
    ASSERT_EQ(names.size(), outputs.size());
    for (size_t i = 0; i < names.size(); i++)
    {
        const FileNode tolerance = description["tolerance"][names[i]];
        ASSERT_FALSE(tolerance.empty()) << "no tolerance for " << names[i];
        compare(outputs[i], dnn::readTensorFromONNX(vector.folder + "out_" + names[i] + ".pb"),
                static_cast<double>(tolerance["atol"]), static_cast<double>(tolerance["rtol"]), names[i]);
    }
}

//! Operators of the module, by the type of their layer.
std::vector<std::string> operatorTypes()
{
    std::vector<std::string> types;
    for (const d2det_test::Operator* op : d2det_test::layerOperators())
        types.push_back(op->layerType());
    return types;
}

//! Defined by their kernels' headers: the collection of vectors has none of them.
const std::set<std::string> WITHOUT_VECTORS = {"D2Conv2d", "D2DeformConv2d", "D2DeltaBoxDecode", "D2GatherRows",
                                               "D2RoIConv"};

class D2Det_Shared_Golden : public testing::TestWithParam<std::string>
{
};

TEST_P(D2Det_Shared_Golden, vectors)
{
    SKIP_WITHOUT_SHARED();
    cv::d2det::registerLayers();
    int count = 0;
    for (const Vector& vector : listVectors())
        if (vector.op == GetParam())
        {
            runVector(vector);
            count++;
        }
    EXPECT_EQ(WITHOUT_VECTORS.count(GetParam()) > 0, count == 0);
    std::cout << count << " vectors of " << GetParam() << std::endl;
}

INSTANTIATE_TEST_CASE_P(operators, D2Det_Shared_Golden, testing::ValuesIn(operatorTypes()));

//! A vector of an operator that no test above runs would go unnoticed, and so would one that the index does not list.
TEST(D2Det_Shared_GoldenIndex, every_vector_is_run)
{
    SKIP_WITHOUT_SHARED();
    const std::vector<std::string> types = operatorTypes();
    std::set<std::string> listed;
    for (const Vector& vector : listVectors())
    {
        EXPECT_TRUE(std::count(types.begin(), types.end(), vector.op))
            << vector.folder << ": operator " << vector.op << " is run by no test";
        EXPECT_TRUE(listed.insert(vector.folder).second) << vector.folder << " is listed twice";
    }
    std::vector<String> stored;  // only vectors of these kinds have a model
    cv::glob(sharedPath("golden/model.onnx"), stored, true);
    EXPECT_EQ(stored.size(), listed.size()) << "models in the folders, vectors in the index";
    EXPECT_FALSE(listed.empty());
}

}  // namespace
}  // namespace opencv_test
