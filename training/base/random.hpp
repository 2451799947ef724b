// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Random numbers of the data loader: splitmix64 (Steele et al. 2014). A stream is identified by (seed, epoch,
   position), so the draws of a sample depend neither on the thread nor on the iteration at which a run resumes. The
   distributions are implemented here because those of <random> differ between standard libraries. */

#ifndef D2DET_TRAINING_RANDOM_HPP
#define D2DET_TRAINING_RANDOM_HPP

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace d2det
{

class Random
{
public:
    explicit Random(uint64_t seed, uint64_t a = 0, uint64_t b = 0)
    {
        for (const uint64_t part : {seed, a, b})
        {
            state_ ^= part;
            state_ = next();
        }
    }

    uint64_t next()
    {
        uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }

    //! Uniform in [0, 1).
    double uniform() { return static_cast<double>(next() >> 11) * (1.0 / 9007199254740992.0); }

    //! Uniform in [low, high).
    double uniform(double low, double high) { return low + (high - low) * uniform(); }

    //! Uniform integer in 0 .. count - 1, count > 0.
    uint64_t below(uint64_t count) { return static_cast<uint64_t>(uniform() * static_cast<double>(count)); }

    //! Fisher-Yates shuffle.
    template <typename T>
    void shuffle(std::vector<T>& values)
    {
        for (size_t i = values.size(); i > 1; i--)
            std::swap(values[i - 1], values[static_cast<size_t>(below(i))]);
    }

private:
    uint64_t state_ = 0;
};

}  // namespace d2det

#endif
