// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The golden vectors' files for programs that have neither OpenCV nor a JSON library: case.json, index.json and tensors
   as ONNX TensorProto (the fields dims = 1, float_data = 4, raw_data = 9). Formats: operators.md 1. */

#ifndef D2DET_TEST_CUDA_GOLDEN_FILES_HPP
#define D2DET_TEST_CUDA_GOLDEN_FILES_HPP

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

//! A value of a JSON file. Asking for what is not there throws.
class Json
{
public:
    static Json parse(const std::string& text);

    bool has(const std::string& key) const { return members_.count(key) > 0; }
    const Json& operator[](const std::string& key) const;
    const std::vector<Json>& items() const { return items_; }
    const std::string& text() const { return text_; }
    double number() const;
    //! Number of a member, or the default.
    double number(const std::string& key, double fallback) const { return has(key) ? (*this)[key].number() : fallback; }

private:
    class Parser;
    std::string text_;  //!< of strings, and of numbers as they stand
    std::vector<Json> items_;
    std::map<std::string, Json> members_;
};

struct Tensor
{
    std::vector<int64_t> dims;
    std::vector<float> data;

    int size(size_t i) const { return static_cast<int>(dims.at(i)); }
};

std::string readFile(const std::string& path);
Tensor readTensor(const std::string& path);

}  // namespace test
}  // namespace d2det

#endif
