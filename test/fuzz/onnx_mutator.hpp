// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Mutations of ONNX files that stay protobuf messages: a number, text, tensor or name changes, a field goes, doubles or
   moves, with all lengths around it right again. Bytes alone would rarely get past the first check. With a fuzzing
   engine only. */

#ifndef D2DET_TEST_FUZZ_ONNX_MUTATOR_HPP
#define D2DET_TEST_FUZZ_ONNX_MUTATOR_HPP

#ifdef D2DET_FUZZING_ENGINE

#include "onnx/wire.hpp"

#include <cstring>
#include <random>
#include <string>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t maxSize);

namespace fuzz
{

enum class OnnxMessage
{
    LEAF,
    MODEL,
    OPSET,
    GRAPH,
    NODE,
    ATTRIBUTE,
    TENSOR,
    VALUE,
    TYPE,
    TENSOR_TYPE,
    SHAPE,
    DIMENSION
};

inline OnnxMessage childOf(OnnxMessage parent, uint32_t field)
{
    using M = OnnxMessage;
    switch (parent)
    {
        case M::MODEL:
            return field == 7 ? M::GRAPH : field == 8 ? M::OPSET : M::LEAF;
        case M::GRAPH:
            return field == 1 ? M::NODE : field == 5 ? M::TENSOR : field == 11 || field == 12 ? M::VALUE : M::LEAF;
        case M::NODE:
            return field == 5 ? M::ATTRIBUTE : M::LEAF;
        case M::ATTRIBUTE:
            return field == 5 ? M::TENSOR : M::LEAF;
        case M::VALUE:
            return field == 2 ? M::TYPE : M::LEAF;
        case M::TYPE:
            return field == 1 ? M::TENSOR_TYPE : M::LEAF;
        case M::TENSOR_TYPE:
            return field == 2 ? M::SHAPE : M::LEAF;
        case M::SHAPE:
            return field == 1 ? M::DIMENSION : M::LEAF;
        default:
            return M::LEAF;
    }
}

struct OnnxField
{
    uint32_t number = 0;
    int wire = 0;
    uint64_t value = 0;
    std::string bytes;
    OnnxMessage type = OnnxMessage::LEAF;
    std::vector<OnnxField> children;
};

inline std::vector<OnnxField> parseOnnx(const uint8_t* p, const uint8_t* end, OnnxMessage type)
{
    static const cv::String name = "model";
    const cv::d2det::WireReader reader(p, name);
    std::vector<OnnxField> fields;
    while (p < end)
    {
        const cv::d2det::WireField field = reader.next(p, end);
        OnnxField f;
        f.number = field.number;
        f.wire = field.wire;
        f.value = field.value;
        f.bytes = field.text();
        if (field.wire == cv::d2det::BYTES)
            f.type = childOf(type, field.number);
        if (f.type != OnnxMessage::LEAF)
            f.children = parseOnnx(field.data, field.end(), f.type);
        fields.push_back(f);
    }
    return fields;
}

inline cv::d2det::WireWriter writeOnnx(const std::vector<OnnxField>& fields)
{
    cv::d2det::WireWriter out;
    for (const OnnxField& f : fields)
    {
        const uint8_t* const bytes = reinterpret_cast<const uint8_t*>(f.bytes.data());
        if (f.wire == cv::d2det::VARINT)
            out.integer(f.number, f.value);
        else if (f.wire == cv::d2det::FIXED32)
        {
            float real;
            std::memcpy(&real, f.bytes.data(), sizeof real);
            out.real(f.number, real);
        }
        else if (f.type != OnnxMessage::LEAF)
            out.message(f.number, writeOnnx(f.children));
        else if (f.wire == cv::d2det::BYTES)
            out.data(f.number, bytes, f.bytes.size());
    }
    return out;
}

class OnnxMutator
{
public:
    OnnxMutator(std::vector<OnnxField>& root, unsigned seed) : root_(root), random_(seed) { collect(root_); }

    void mutate()
    {
        if (leaves_.empty())
            return;
        if (pick(8) == 0)
            changeStructure();
        else
            changeLeaf(*leaves_[pick(leaves_.size())]);
    }

private:
    size_t pick(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random_); }

    void collect(std::vector<OnnxField>& fields)
    {
        if (!fields.empty())
            messages_.push_back(&fields);
        for (OnnxField& f : fields)
            if (f.type != OnnxMessage::LEAF)
                collect(f.children);
            else
                leaves_.push_back(&f);
    }

    void changeLeaf(OnnxField& f)
    {
        static const int64_t integers[] = {0,     1,     -1,     2,       3,         4,        5,    7,
                                           16,    64,    100,    255,     256,       257,      1000, 4096,
                                           16384, 65536, 100000, 1 << 24, INT32_MAX, INT64_MAX};
        static const float reals[] = {0.f, 1.f, -1.f, 0.5f, 1e-30f, 1e30f, INFINITY, -INFINITY, NAN, 100.f};
        if (f.wire == cv::d2det::VARINT)
        {
            if (pick(2) == 0)
                f.value = static_cast<uint64_t>(integers[pick(sizeof integers / sizeof *integers)]);
            else
                f.value += pick(2) == 0 ? 1 : uint64_t(-1);
        }
        else if (f.wire == cv::d2det::FIXED32)
            std::memcpy(&f.bytes[0], &reals[pick(sizeof reals / sizeof *reals)], 4);
        else if (pick(2) == 0)
            f.bytes = leaves_[pick(leaves_.size())]->bytes;  // the name of another tensor, perhaps
        else
        {
            std::vector<uint8_t> bytes(f.bytes.begin(), f.bytes.end());
            const size_t size = bytes.size();
            bytes.resize(size + 64);
            bytes.resize(LLVMFuzzerMutate(bytes.data(), size, bytes.size()));
            f.bytes.assign(bytes.begin(), bytes.end());
        }
    }

    void changeStructure()
    {
        std::vector<OnnxField>& message = *messages_[pick(messages_.size())];
        const size_t a = pick(message.size()), b = pick(message.size());
        const size_t how = pick(3);
        if (how == 0)
            message.erase(message.begin() + static_cast<ptrdiff_t>(a));
        else if (how == 1)
        {
            const OnnxField copy = message[a];
            message.insert(message.begin() + static_cast<ptrdiff_t>(b), copy);
        }
        else
            std::swap(message[a], message[b]);
    }

    std::vector<OnnxField>& root_;
    std::mt19937 random_;
    std::vector<OnnxField*> leaves_;
    std::vector<std::vector<OnnxField>*> messages_;
};

}  // namespace fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t maxSize, unsigned seed)
{
    if (seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, maxSize);
    try
    {
        std::vector<fuzz::OnnxField> root = fuzz::parseOnnx(data, data + size, fuzz::OnnxMessage::MODEL);
        for (unsigned i = 0; i <= seed / 16 % 3; i++)
            fuzz::OnnxMutator(root, seed + i).mutate();
        const std::vector<uchar> bytes = fuzz::writeOnnx(root).bytes;
        if (bytes.size() <= maxSize)
        {
            std::copy(bytes.begin(), bytes.end(), data);
            return bytes.size();
        }
    }
    catch (const cv::Exception&)
    {
    }
    return LLVMFuzzerMutate(data, size, maxSize);
}

#endif  // D2DET_FUZZING_ENGINE

#endif
