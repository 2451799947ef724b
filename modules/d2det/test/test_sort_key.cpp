// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Stable descending order by integer keys, and the best of a stream of them. Contract: operators.md 2. */

#include "operator_tests.hpp"

#include "kernels/ref_rules.hpp"
#include "kernels/sort_key.hpp"

namespace opencv_test
{
namespace
{

using namespace cv::d2det::kernels;
using namespace d2det_test;

TEST(D2Det_SortDescending, ties_zeros_and_nan)
{
    const std::vector<float> keys = {0.f, NOT_A_NUMBER, -0.f, 2.f, -INFINITE, 2.f, INFINITE, -NOT_A_NUMBER, 0.f};
    EXPECT_EQ((std::vector<int>{6, 3, 5, 0, 2, 8, 4, 1, 7}),
              sortDescending(keys.data(), static_cast<int>(keys.size())));
    EXPECT_TRUE(sortDescending(keys.data(), 0).empty());
}

TEST(D2Det_SortDescending, integer_keys_order_alike)
{
    Random random(2);
    for (int round = 0; round < 50; round++)
    {
        const int n = random.integer(0, 299);
        std::vector<float> values(n);
        std::vector<uint64_t> keys(n);
        for (int i = 0; i < n; i++)
        {
            values[i] = round % 2 ? malformedNumber(random) : random.whole(-3, 3);
            keys[i] = descendingKey(values[i], i);
            if (!std::isnan(values[i]))
            {
                EXPECT_EQ(values[i], keyValue(keys[i]));
            }
        }
        const std::vector<int> order = ref::sortDescending(values);
        EXPECT_EQ(order, sortDescending(values.data(), n));
        for (const int best : {0, 1, n / 3, n, n + 7})
        {
            std::vector<uint64_t> chosen = keys;
            keepFirst(chosen, best);
            ASSERT_EQ(best > 0 ? std::min(best, n) : n, static_cast<int>(chosen.size()));
            for (size_t i = 0; i < chosen.size(); i++)
                ASSERT_EQ(order[i], static_cast<int>(keyIndex(chosen[i])));
        }
    }
}

TEST(D2Det_SortDescending, best_of_a_stream)
{
    Random random(3);
    for (const int best : {0, 1, 7, 200, 5000})
        for (const int pattern : {0, 1, 2, 3})
        {
            const int n = 2000;
            BestKeys selector(best);
            std::vector<float> values(n);
            for (int i = 0; i < n; i++)  // random, ascending, descending, all equal
                values[i] = pattern == 0   ? random.whole(0, 99)
                            : pattern == 1 ? static_cast<float>(i)
                            : pattern == 2 ? static_cast<float>(-i)
                                           : 1.f;
            for (int i = n - 1; i >= 0; i--)
                if (values[i] >= selector.minValue())
                    selector.push(descendingKey(values[i], i));
            const std::vector<uint64_t> chosen = selector.take();
            const std::vector<int> order = ref::sortDescending(values);
            ASSERT_EQ(best > 0 ? std::min(best, n) : n, static_cast<int>(chosen.size()));
            for (size_t i = 0; i < chosen.size(); i++)
                ASSERT_EQ(order[i], static_cast<int>(keyIndex(chosen[i]))) << best << " of pattern " << pattern;
        }
}

}  // namespace
}  // namespace opencv_test
