// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A pickle machine for the files of torch.save. A pickle is a program for a stack machine, and Python's own machine
   imports and calls whatever the program names. This one calls nothing: it knows the instructions that build texts,
   numbers, tuples, lists and dictionaries, and the few names (PYTORCH_NAMES in pickle.cpp) that a dictionary of
   tensors consists of. Any other instruction or name is an error that says which.

   Why not LibTorch's own (torch::pickle_load, jit::Unpickler): version 1.13 refuses state dicts of Python modules (the
   attribute _metadata), parameters, and the format before version 1.6.

   Instructions: the comments of Python's Lib/pickletools.py. Limits: MAX_VALUES values, as many items in containers
   times four, texts no longer than the file; values refer to each other by number, so nesting costs no recursion. */

#ifndef D2DET_TRAINING_PICKLE_HPP
#define D2DET_TRAINING_PICKLE_HPP

#include "weights/input_file.hpp"
#include "weights/stored_tensor.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace d2det
{

enum class PickleKind : uint8_t
{
    NONE,
    BOOLEAN,  //!< integer = 0 or 1
    INTEGER,
    LONG,  //!< of more than 8 bytes: its bytes, little-endian, in text
    REAL,
    TEXT,
    TUPLE,
    LIST,
    DICT,     //!< items: key, value, key, value, ...
    NAME,     //!< integer = index of a known name
    STORAGE,  //!< integer = index in storages
    TENSOR,   //!< integer = index in tensors
    SKIPPED   //!< a value that is no tensor and was not built, e.g. a scalar of numpy
};

struct PickleValue
{
    PickleKind kind = PickleKind::NONE;
    int64_t integer = 0;
    double real = 0;
    std::string text;
    std::vector<uint32_t> items;  //!< indices of values
};

//! What a persistent id says about a storage; its bytes are elsewhere in the file.
struct PickleStorage
{
    std::string key;
    ElementType type = ElementType::F32;
    uint64_t elements = 0;
};

//! View of a storage; checked to lie inside `elements`, and to have no more elements than that.
struct PickleTensor
{
    uint32_t storage = 0;
    uint64_t offset = 0;
    std::vector<int64_t> shape, strides;
};

struct PickleResult
{
    std::vector<PickleValue> values;
    std::vector<PickleStorage> storages;
    std::vector<PickleTensor> tensors;
    uint32_t root = 0;

    const PickleValue& operator[](uint32_t index) const { return values[index]; }
};

//! Runs one pickle, up to its last instruction. Throws Error.
PickleResult readPickle(ByteReader& reader);

}  // namespace d2det

#endif
