// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A tensor as a file holds it: a view of a storage, which several tensors may share. */

#ifndef D2DET_TRAINING_STORED_TENSOR_HPP
#define D2DET_TRAINING_STORED_TENSOR_HPP

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace d2det
{

enum class ElementType
{
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U8,
    BOOL
};

inline uint64_t elementBytes(ElementType type)
{
    switch (type)
    {
        case ElementType::F64:
        case ElementType::I64:
            return 8;
        case ElementType::F32:
        case ElementType::I32:
            return 4;
        case ElementType::F16:
        case ElementType::BF16:
        case ElementType::I16:
            return 2;
        default:
            return 1;
    }
}

//! Element (i, j, ..) is storage[offset + i strides[0] + j strides[1] + ..]; all of them lie inside the storage.
struct StoredTensor
{
    std::string name;
    ElementType type = ElementType::F32;
    std::vector<int64_t> shape, strides;  //!< strides in elements
    uint64_t offset = 0;                  //!< elements
    std::shared_ptr<std::vector<uint8_t>> storage;
};

}  // namespace d2det

#endif
