// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Random numbers of all tests and benchmarks of the operators: the same on every platform and in every program. */

#ifndef D2DET_TEST_OPERATORS_RANDOM_HPP
#define D2DET_TEST_OPERATORS_RANDOM_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace d2det_test
{

typedef std::vector<float> Floats;
typedef std::vector<double> Doubles;

const float NOT_A_NUMBER = std::numeric_limits<float>::quiet_NaN();
const float INFINITE = std::numeric_limits<float>::infinity();
const float LARGEST = std::numeric_limits<float>::max();

//! SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
class Random
{
public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next()
    {
        uint64_t z = state_ += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    //! In [low, high).
    double uniform(double low, double high)
    {
        return low + (high - low) * (static_cast<double>(next() >> 11) * 0x1p-53);
    }
    float real(float low, float high) { return static_cast<float>(uniform(low, high)); }
    //! In [low, high], both included.
    int integer(int low, int high)
    {
        return low + static_cast<int>(next() % (static_cast<uint64_t>(int64_t(high) - low) + 1));
    }
    float whole(int low, int high) { return static_cast<float>(integer(low, high)); }
    //! True once in `n` times.
    bool once(int n) { return integer(1, n) == 1; }
    float gaussian(double sigma)
    {
        const double radius = std::sqrt(-2 * std::log(uniform(0x1p-60, 1)));
        return static_cast<float>(sigma * radius * std::cos(6.283185307179586 * uniform(0, 1)));
    }
    template <typename T>
    const T& pick(const std::vector<T>& values)
    {
        return values[next() % values.size()];
    }

    Floats reals(size_t count, float low, float high)
    {
        Floats values(count);
        for (float& v : values)
            v = real(low, high);
        return values;
    }
    Floats wholes(size_t count, int low, int high)
    {
        Floats values(count);
        for (float& v : values)
            v = whole(low, high);
        return values;
    }

private:
    uint64_t state_;
};

//! A number that breaks careless code, or a harmless one.
inline float malformedNumber(Random& random)
{
    static const Floats values = {0.f,     -0.f,   1.f,  -1.f, 0.5f,     1e-30f,    1e9f,         -1e9f,
                                  LARGEST, -3e38f, 3e9f, 16.f, INFINITE, -INFINITE, NOT_A_NUMBER, 1e20f};
    return random.pick(values);
}

}  // namespace d2det_test

#endif
