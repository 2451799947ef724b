// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows: all bits, NaN too. Indices that are no row are refused on the CPU and give zeros on CUDA. */

#ifndef D2DET_TEST_OPERATORS_GATHER_ROWS_HPP
#define D2DET_TEST_OPERATORS_GATHER_ROWS_HPP

#include "problem.hpp"

#include "kernels/gather_rows.hpp"

namespace d2det_test
{

struct GatherRows
{
    struct Case : CaseInfo
    {
        int numRows, count;
        Shape row;               //!< shape of a row
        bool malformed = false;  //!< some indices are no row
        bool drawn = false;      //!< lengths are drawn with the inputs

        Case(const std::string& n, int of, int c, const Shape& r) : CaseInfo(n), numRows(of), count(c), row(r) {}
    };

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        for (const bool malformed : {false, true})
        {
            const std::string what = malformed ? ", malformed" : "";
            cases.emplace_back("rows of one" + what, 7, 40, Shape{1});
            cases.emplace_back("rows of five" + what, 40, 30, Shape{5});
            cases.emplace_back("one row" + what, 1, 12, Shape{255});
            cases.emplace_back("long rows" + what, 25, 20, Shape{4099});
            cases.emplace_back("more rows than a grid has in y" + what, 3, 70000, Shape{2});
            for (size_t i = cases.size() - 5; i < cases.size(); i++)
                cases[i].cudaOnly = cases[i].malformed = malformed;
        }
        cases.emplace_back("no rows", 3, 0, Shape{2});
        // Lengths on both sides of the one that wakes threads.
        Case drawn("drawn", 0, 0, {});
        drawn.drawn = true;
        drawn.rounds = 60;
        cases.push_back(drawn);
        Case trainer("trainer", 80, 80, {3, 5, 4});
        trainer.trainer = true;
        cases.push_back(trainer);
        Case large("125 of 1000 rows of 256x14x14", 1000, 125, {256, 14, 14});
        large.large = true;
        cases.push_back(large);
        return cases;
    }

    static std::vector<Case> layerCases(int size) { return {Case("maps", 4 * size, 3 * size, {3, 5, 6})}; }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            if (c.drawn)
            {
                case_.numRows = random.integer(1, 89);
                case_.count = random.integer(1, 119);
                case_.row = {random.once(3) ? random.integer(300, 2999) : random.integer(1, 39)};
            }
            Shape in{case_.numRows}, out{case_.count};
            in.insert(in.end(), case_.row.begin(), case_.row.end());
            out.insert(out.end(), case_.row.begin(), case_.row.end());
            inputs.push_back({"X", in, random.reals(elements(in), -9.f, 9.f)});
            if (c.drawn)
                for (float& v : inputs[0].values)
                    v = random.once(20) ? NOT_A_NUMBER : v;
            inputs.push_back({"rows", {case_.count, 1}, {}});
            for (int i = 0; i < case_.count; i++)
                inputs[1].values.push_back(
                    i % 4 == 0 ? -1.f : random.whole(0, case_.numRows - 1) + (i % 5 == 1 && !c.trainer ? 0.5f : 0.f));
            const Floats bad{NOT_A_NUMBER, INFINITE, -INFINITE, -2.f, 3e38f, -3e38f, float(case_.numRows), 3e9f};
            for (size_t i = 0; c.malformed && i < inputs[1].values.size(); i += 3)
                inputs[1].values[i] = bad[i / 3 % bad.size()];
            outputs.push_back({"Y", out, SAME_BITS, SAME_BITS});
            for (int d = 0; d < static_cast<int>(in.size()); d++)
                layer.freeLengths.push_back({0, d});
            layer.freeLengths.push_back({1, 0});
            layer.anyRank = 0;
            layer.indices = 1;
        }

        void reference(const Arguments<float>& a) const override
        {
            Floats rows(a.in[1], a.in[1] + case_.count);
            for (float& row : rows)
                if (case_.malformed && !(row > -1 && row < static_cast<float>(case_.numRows)))
                    row = -1.f;
            kernels::gatherRowsRef<float>({a.in[0], case_.numRows, elements(case_.row), rows.data(), case_.count},
                                          a.out[0]);
        }
        void fast(const Arguments<float>& a) const override
        {
            kernels::gatherRowsCpu({a.in[0], case_.numRows, elements(case_.row), a.in[1], case_.count}, a.out[0]);
        }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::gatherRows({a.in[0], case_.numRows, elements(case_.row), a.in[1], case_.count}, a.out[0],
                                    nullptr);
        }
#endif

    private:
        Case case_;
    };
};

}  // namespace d2det_test

#endif
