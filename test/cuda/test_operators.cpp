// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Every operator over its list of cases (modules/d2det/test/operators): the CUDA kernels against the naive ones,
   forward and backward; outputs that were NaN before, inputs that must stay, a second run of the same bits, a workspace
   that is one byte short. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

//! Sums by atomics may differ in the last bits from run to run: they are taken for the first run's.
Results withoutAtomics(const Problem& p, const Results& first, Results second)
{
    for (size_t i = 0; i < p.gradients.size(); i++)
        if (p.gradients[i].atomics)
            second.gradients[i] = first.gradients[i];
    return second;
}

std::string check(const Problem& p)
{
    OnDevice first(p), second(p);
    const bool anything = p.inputs.empty() || !p.inputs[0].values.empty();  // else nothing is asked of the workspace
    if (anything && first.workspaceBytes() > 0 &&
        p.onDevice(first.forward(), {first.workspace().data, first.workspaceBytes() - 1}) != cuda::Status::INVALID)
        return "a workspace that is too small is accepted";
    const size_t needed = first.backwardWorkspace().bytes;
    if (anything && needed > 0 &&
        p.onDeviceBackward(first.backward(), {first.backwardWorkspace().data, needed - 1}) != cuda::Status::INVALID)
        return "a workspace of the backward pass that is too small is accepted";
    const Results got = first.run();
    const std::string error = compareResults(p, p.cudaLikeFast ? runFast(p) : runReference(p), got, Against::CUDA);
    if (!error.empty())
        return error;
    const std::string changed = first.changedInputs();
    if (!changed.empty())
        return "changed inputs:" + changed;
    const std::string unsteady = compareResults(p, got, withoutAtomics(p, got, second.run()), Against::BITS);
    return unsteady.empty() ? unsteady : "second run: " + unsteady;
}

//! Rounds differ in their seed; the first one that fails ends the case.
void runRounds(const Operator& op, size_t index, const CaseInfo& info)
{
    for (int round = 0; round < (seedIsGiven() ? 1 : info.rounds); round++)
    {
        const uint64_t seed = caseSeed() + static_cast<uint64_t>(round);
        std::string error;
        try
        {
            error = check(*op.make(index, seed));
        }
        catch (const std::exception& e)
        {
            error = e.what();
        }
        if (error.empty())
            continue;
        expect(false, error);
        failedWith(seed);
        return;
    }
}

//! One case of the program for each case of each list.
std::vector<std::unique_ptr<Case>> makeCases()
{
    std::vector<std::unique_ptr<Case>> result;
    for (const Operator* op : allOperators())
    {
        const std::vector<CaseInfo> cases = op->cases();
        for (size_t i = 0; i < cases.size(); i++)
        {
            const CaseInfo info = cases[i];
            if (!info.large && !info.cpuOnly)
                result.push_back(std::make_unique<Case>((op->name() + ":" + info.name).c_str(),
                                                        [op, i, info] { runRounds(*op, i, info); }));
        }
    }
    return result;
}

const std::vector<std::unique_ptr<Case>> operators = makeCases();

}  // namespace
}  // namespace test
}  // namespace d2det
