// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Non-maximum suppression, hard and soft: no operators of their own, but kernels of D2Proposal and D2Detections. */

#ifndef D2DET_TEST_OPERATORS_NMS_HPP
#define D2DET_TEST_OPERATORS_NMS_HPP

#include "boxes.hpp"

#include "kernels/box.hpp"
#include "kernels/nms.hpp"

namespace d2det_test
{

//! A list of kept boxes as outputs: [n] positions, -1 behind the last, and their number.
inline void writeKept(const std::vector<int>& list, int n, float* kept, float* count)
{
    std::fill(kept, kept + n, -1.f);
    std::copy(list.begin(), list.end(), kept);
    *count = static_cast<float>(list.size());
}

//! The same two outputs for a CUDA kernel, which writes ints.
inline cuda::NMSOutput keptOnDevice(const Arguments<float>& a)
{
    return {reinterpret_cast<int*>(a.out[0]), reinterpret_cast<int*>(a.out[1])};
}

struct HardNMS
{
    struct Case : CaseInfo
    {
        int n = 0, limit = 0;
        float threshold = 0.5f;
        bool legacy = false;
        bool drawn = false;        //!< all of the above is drawn with the boxes
        bool atThreshold = false;  //!< the threshold is the IoU of a pair or its neighbor: the last bit decides

        explicit Case(const std::string& title) : CaseInfo(title) {}
    };

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        const auto add = [&cases](int n, float threshold, bool legacy, int limit)
        {
            Case c(std::to_string(n) + " boxes, threshold " + std::to_string(threshold) + ", limit " +
                   std::to_string(limit));
            c.n = n;
            c.threshold = threshold;
            c.legacy = legacy;
            c.limit = limit;
            cases.push_back(c);
        };
        for (const int n : {0, 1, 2, 255, 256, 257, 900})
            for (const float threshold : {0.5f, 0.f, 0.9f, -1.f})
                add(n, threshold, n % 2 == 1, 0);
        add(2600, 0.8f, false, 0);  // more kept boxes than the CUDA kernel stages at a time
        for (const int limit : {1, 10, 300})
            add(900, 0.6f, false, limit);
        Case drawn("drawn"), close("threshold at an IoU");
        drawn.drawn = close.atThreshold = true;
        drawn.cpuOnly = close.cpuOnly = true;
        drawn.rounds = 11200;
        close.rounds = 1500;
        close.n = 40;
        cases.push_back(drawn);
        cases.push_back(close);
        for (const int n : {1000, 10000})
        {
            Case c(std::to_string(n) + " sorted boxes");
            c.n = n;
            c.threshold = 0.7f;
            c.large = true;
            cases.push_back(c);
        }
        return cases;
    }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            Floats boxes;
            if (c.drawn)
            {
                const int kind = random.integer(0, BOX_KINDS - 1);
                case_.n = random.integer(0, random.once(10) ? 699 : 89);
                case_.threshold = random.pick<float>({0.f, 0.3f, 0.5f, 1.f, -1.f, NOT_A_NUMBER, INFINITE});
                case_.limit = random.pick<int>({0, 1, 5, 1000});
                case_.legacy = random.once(2);
                boxes = randomBoxes(random, case_.n, kind);
            }
            else if (c.atThreshold)
            {
                boxes = randomBoxes(random, case_.n, SCATTERED);
                const float u = kernels::boxIoU(&boxes[0], &boxes[4 * size_t(random.integer(1, case_.n - 1))], false);
                case_.threshold = random.pick<float>({u, std::nextafter(u, 0.f), std::nextafter(u, 1.f)});
            }
            else if (c.large)
                boxes = detectorLikeBoxes(random, case_.n);
            else
            {
                boxes = boxesOnHalves(random, case_.n, 60.f + case_.n / 10.f);
                if (case_.n > 4)
                    boxes[9] = NOT_A_NUMBER;
            }
            inputs.push_back({"boxes", {case_.n, 4}, boxes});
            outputs.push_back({"kept", {case_.n}, SAME_BITS, SAME_BITS, true});
            outputs.push_back({"number of kept boxes", {1}, SAME_BITS, SAME_BITS, true});
        }

        void reference(const Arguments<float>& a) const override
        {
            writeKept(kernels::hardNMSRef(params(), a.in[0], case_.n), case_.n, a.out[0], a.out[1]);
        }
        void fast(const Arguments<float>& a) const override
        {
            writeKept(kernels::hardNMSCpu(params(), a.in[0], case_.n), case_.n, a.out[0], a.out[1]);
        }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::hardNMS(params(), a.in[0], case_.n, keptOnDevice(a), nullptr);
        }
#endif

    private:
        kernels::HardNMSParams params() const
        {
            return {case_.threshold, case_.legacy, case_.limit};
        }
        Case case_;
    };
};

struct SoftNMS
{
    struct Case : CaseInfo
    {
        int n = 0, limit = 0;
        float threshold = 0.3f, sigma = 0.5f, minScore = 0.05f;
        bool gaussian = false, legacy = false;
        bool drawn = false;  //!< all of the above is drawn with the boxes

        explicit Case(const std::string& title) : CaseInfo(title) {}
    };

    static std::vector<Case> cases()
    {
        std::vector<Case> cases;
        const auto add = [&cases](int n, bool gaussian, bool legacy, int limit, float sigma)
        {
            Case c(std::to_string(n) + (gaussian ? " boxes, gaussian" : " boxes, linear") +
                   (sigma < 0 ? ", scores rise" : ""));
            c.n = n;
            c.gaussian = gaussian;
            c.legacy = legacy;
            c.limit = limit;
            c.sigma = sigma;
            cases.push_back(c);
        };
        for (const int n : {0, 1, 70})
            for (const bool gaussian : {false, true})
                add(n, gaussian, n % 2 == 1, 0, 0.5f);
        add(1200, true, false, 12, 0.5f);
        add(1200, false, true, 12, 0.5f);
        add(40, true, false, 0, -0.5f);
        Case drawn("drawn");
        drawn.drawn = true;
        drawn.rounds = 600;
        drawn.cpuOnly = true;
        cases.push_back(drawn);
        for (const int n : {200, 1000})
        {
            Case c(std::to_string(n) + " boxes");
            c.n = n;
            c.threshold = 0.5f;
            c.minScore = 0.001f;
            c.gaussian = true;
            c.large = c.cpuOnly = true;  // a device would need the scores anew for every run
            cases.push_back(c);
        }
        return cases;
    }

    class Problem : public d2det_test::Problem
    {
    public:
        Problem(const Case& c, uint64_t seed) : case_(c)
        {
            Random random(seed);
            Floats boxes, scores;
            if (c.drawn)
            {
                case_.n = random.integer(0, 79);
                case_.threshold = random.pick<float>({0.f, 0.3f, 1.f, 0.9f, NOT_A_NUMBER});
                case_.sigma = random.pick<float>({0.5f, 0.1f, 0.f, -1.f, NOT_A_NUMBER});
                case_.minScore = random.once(2) ? 0.05f : 0.f;
                case_.gaussian = random.once(2);
                case_.legacy = random.once(2);
                case_.limit = random.once(2) ? random.integer(1, 19) : 0;
                boxes = randomBoxes(random, case_.n, random.integer(0, BOX_KINDS - 1));
                scores = drawnScores(random);
            }
            else
            {
                boxes = c.large ? detectorLikeBoxes(random, case_.n) : boxesOnHalves(random, case_.n, 40.f);
                scores = random.reals(case_.n, 0.f, 1.f);
                for (size_t i = 0; !c.large && i < scores.size(); i += 9)
                    scores[i] = i % 2 ? 0.5f : NOT_A_NUMBER;  // ties, and what is never emitted
            }
            inputs.push_back({"boxes", {case_.n, 4}, boxes});
            inputs.push_back({"scores", {case_.n}, scores});
            outputs.push_back({"kept", {case_.n}, SAME_BITS, SAME_BITS, true});
            outputs.push_back({"number of kept boxes", {1}, SAME_BITS, SAME_BITS, true});
            outputs.push_back({"decayed scores", {case_.n}, SAME_BITS, case_.gaussian ? 1e-6 : SAME_BITS, false, 1});
        }

        void reference(const Arguments<float>& a) const override
        {
            writeKept(kernels::softNMSRef(params(), a.in[0], a.out[2], case_.n), case_.n, a.out[0], a.out[1]);
        }
        void fast(const Arguments<float>& a) const override
        {
            writeKept(kernels::softNMSCpu(params(), a.in[0], a.out[2], case_.n), case_.n, a.out[0], a.out[1]);
        }
        //! The scores of boxes that are not emitted are not specified.
        void settle(std::vector<Floats>& values) const override
        {
            Floats decayed(case_.n, 0.f);
            for (int i = 0; i < static_cast<int>(values[1][0]) && i < case_.n; i++)
            {
                const int at = static_cast<int>(values[0][i]);
                if (at >= 0 && at < case_.n)
                    decayed[at] = values[2][at];
            }
            values[2] = decayed;
        }
        //! Scores are changed in place: every run begins with a copy.
        std::function<void()> prepared(const Arguments<float>& a) const override
        {
            return [this, a]
            {
                std::copy(a.in[1], a.in[1] + case_.n, a.out[2]);
                fast(a);
            };
        }
#ifdef D2DET_TEST_CUDA
        cuda::Status onDevice(const Arguments<float>& a, const cuda::Workspace&) const override
        {
            return cuda::softNMS(params(), a.in[0], a.out[2], case_.n, keptOnDevice(a), nullptr);
        }
#endif

    private:
        kernels::SoftNMSParams params() const
        {
            const kernels::NMSMode mode =
                case_.gaussian ? kernels::NMSMode::SOFT_GAUSSIAN : kernels::NMSMode::SOFT_LINEAR;
            return {case_.threshold, case_.sigma, case_.minScore, mode, case_.legacy, case_.limit};
        }
        Floats drawnScores(Random& random) const
        {
            Floats scores(case_.n);
            const int kind = random.integer(0, 6);
            const bool eighths = random.once(2);
            for (float& s : scores)
                s = kind == 0   ? malformedNumber(random)
                    : kind == 1 ? 0.5f
                    : eighths   ? random.whole(1, 8) / 8
                                : random.real(0.f, 1.f);
            return scores;
        }
        Case case_;
    };
};

}  // namespace d2det_test

#endif
