// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Float keys as integers, so that "descending value, then ascending index" becomes one integer comparison.

   IEEE floats order like sign-magnitude integers: flipping the sign bit of positive and all bits of negative numbers
   gives an unsigned order. The upper half of the key is the complement of that (descending), the lower half the index,
   so no two keys are equal and any selection or sort is stable. -0 equals +0 (operators.md 2); NaN comes last. */

#ifndef OPENCV_D2DET_KERNELS_SORT_KEY_HPP
#define OPENCV_D2DET_KERNELS_SORT_KEY_HPP

#include "common.hpp"

#include <cstring>
#include <limits>
#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

D2DET_HOST_DEVICE inline uint64_t descendingKey(float value, uint32_t index)
{
    const float canonical = value + 0.f;  // -0 + 0 = +0
    uint32_t bits;
    std::memcpy(&bits, &canonical, sizeof(bits));
    const uint32_t ascending = bits ^ (bits >> 31 ? 0xFFFFFFFFu : 0x80000000u);
    const uint32_t descending = value != value ? 0xFFFFFFFFu : ~ascending;
    return static_cast<uint64_t>(descending) << 32 | index;
}

D2DET_HOST_DEVICE inline uint32_t keyIndex(uint64_t key)
{
    return static_cast<uint32_t>(key);
}

//! Inverse of descendingKey (+0 for -0, an unspecified NaN for NaN).
D2DET_HOST_DEVICE inline float keyValue(uint64_t key)
{
    const uint32_t ascending = ~static_cast<uint32_t>(key >> 32);
    const uint32_t bits = ascending ^ (ascending >> 31 ? 0x80000000u : 0xFFFFFFFFu);
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

//! Indices of `values` [n] in descending order; equal values keep the lower index first; -0 equals 0; NaN comes last.
inline std::vector<int> sortDescending(const float* values, int n)
{
    std::vector<uint64_t> keys(static_cast<size_t>(std::max(n, 0)));
    for (size_t i = 0; i < keys.size(); i++)
        keys[i] = descendingKey(values[i], static_cast<uint32_t>(i));
    std::sort(keys.begin(), keys.end());
    std::vector<int> order(keys.size());
    std::transform(keys.begin(), keys.end(), order.begin(),
                   [](uint64_t key) { return static_cast<int>(keyIndex(key)); });
    return order;
}

//! The first `n` keys in order (all if n <= 0); sorts no more than these.
inline void keepFirst(std::vector<uint64_t>& keys, int n)
{
    if (n > 0 && keys.size() > static_cast<size_t>(n))
    {
        std::nth_element(keys.begin(), keys.begin() + n, keys.end());
        keys.resize(n);
    }
    std::sort(keys.begin(), keys.end());
}

/** The n smallest keys (highest values) of a stream, in memory for 2 n keys: a full buffer is reduced to its better
    half, which defines `minValue`, a bound for later values. Amortized constant time per key for any order. */
class BestKeys
{
public:
    explicit BestKeys(int n) : n_(n > 0 ? static_cast<size_t>(n) : 0), worst_(std::numeric_limits<uint64_t>::max()) {}

    //! Lower values are rejected; an equal value may be accepted because of its index.
    float minValue() const { return minValue_; }

    void push(uint64_t key)
    {
        if (key > worst_)
            return;
        keys_.push_back(key);
        if (n_ > 0 && keys_.size() >= 2 * n_ + MIN_BUFFER)
            shrink();
    }

    //! The best n keys in order; the object is empty afterwards.
    std::vector<uint64_t> take()
    {
        std::vector<uint64_t> result;
        result.swap(keys_);
        keepFirst(result, static_cast<int>(n_));  // n_ was an int
        return result;
    }

private:
    static constexpr size_t MIN_BUFFER = 64;

    void shrink()
    {
        std::nth_element(keys_.begin(), keys_.begin() + (n_ - 1), keys_.end());
        keys_.resize(n_);
        worst_ = keys_.back();
        minValue_ = keyValue(worst_);
    }

    size_t n_;
    uint64_t worst_;
    float minValue_ = -std::numeric_limits<float>::infinity();
    std::vector<uint64_t> keys_;
};

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
