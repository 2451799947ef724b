// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "distributed/process_group.hpp"

#if defined(USE_DISTRIBUTED) && defined(USE_C10D_GLOO) && __has_include(<gloo/algorithm.h>)
#define D2DET_WITH_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif
#if defined(D2DET_WITH_GLOO) && defined(USE_C10D_NCCL) && __has_include(<nccl.h>)
#define D2DET_WITH_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <cstdlib>
#include <cstring>
#include <map>

namespace d2det
{

namespace
{

using torch::Tensor;

class SingleProcess final : public ProcessGroup
{
public:
    explicit SingleProcess(const Launch& launch) : ProcessGroup(launch) {}

private:
    void reduce(Tensor&, Reduction) override {}
    void copyFromFirst(Tensor&) override {}
};

#ifdef D2DET_WITH_GLOO

//! Address on which this process listens: the interface that is named, the loopback if all are on one machine.
auto glooDevice(const Launch& launch)
{
    if (const char* const interface = std::getenv("GLOO_SOCKET_IFNAME"))
        return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
    if (launch.address == "127.0.0.1" || launch.address == "localhost")
        return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
    return c10d::ProcessGroupGloo::createDefaultDevice();
}

/** The server of the store without libuv, which not every LibTorch has (Debian's 2.14). It is asked for a few keys at
    the start only. LibTorch before 2.1 has no such choice. */
template <typename Options>
auto withoutLibuv(Options& options, int) -> decltype(options.useLibUV, void())
{
    options.useLibUV = false;
}

template <typename Options>
void withoutLibuv(Options& /*options*/, long /*without the member*/)
{
}

class C10dGroup final : public ProcessGroup
{
public:
    C10dGroup(const Launch& launch, const torch::Device& device, std::chrono::seconds limit)
        : ProcessGroup(launch), seconds_(limit.count())
    {
        const std::chrono::milliseconds timeout = limit;
        guarded("join",
                [&]
                {
                    c10d::TCPStoreOptions options;
                    options.port = static_cast<uint16_t>(launch.port);
                    options.isServer = launch.rank == 0 && !launch.storeIsThere;
                    options.numWorkers = static_cast<size_t>(launch.size);
                    options.waitWorkers = !launch.storeIsThere;
                    options.timeout = timeout;
                    withoutLibuv(options, 0);
                    store_ = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
                    store_->setTimeout(timeout);
#ifdef D2DET_WITH_NCCL
                    if (device.is_cuda())
                    {
                        auto nccl = c10d::ProcessGroupNCCL::Options::create();
                        nccl->timeout = timeout;
                        onDevice_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(store_, launch.rank, launch.size, nccl);
                    }
#else
                    (void)device;
#endif
                    auto gloo = c10d::ProcessGroupGloo::Options::create(timeout);
                    gloo->devices.push_back(glooDevice(launch));
                    onHost_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, launch.rank, launch.size, gloo);
                });
    }

private:
    //! c10d reports by exceptions of several kinds, and not who is missing.
    template <typename Work>
    void guarded(const char* what, Work work)
    {
        try
        {
            work();
        }
        catch (const std::exception& e)
        {
            const std::string text = e.what();
            throw ProcessGroupError("process " + std::to_string(rank()) + " of " + std::to_string(size()) + " cannot " +
                                    what + ": another process has ended, or did not answer within " +
                                    std::to_string(seconds_) + " s (" + text.substr(0, text.find('\n')) + ")");
        }
    }

    //! Calls `operation(group, tensors)` with the tensor where the group can use it.
    template <typename Operation>
    void run(Tensor& tensor, const char* what, Operation operation)
    {
        guarded(what,
                [&]
                {
#ifdef D2DET_WITH_NCCL
                    if (tensor.is_cuda() && onDevice_)
                    {
                        std::vector<Tensor> tensors{tensor};
                        operation(*onDevice_, tensors)->wait();
                        return;
                    }
#endif
                    std::vector<Tensor> tensors{tensor.is_cuda() ? tensor.cpu() : tensor};
                    operation(*onHost_, tensors)->wait();
                    if (tensor.is_cuda())
                        tensor.copy_(tensors[0]);
                });
    }

    void reduce(Tensor& tensor, Reduction reduction) override
    {
        c10d::AllreduceOptions options;
        options.reduceOp = reduction == Reduction::SUM ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
        run(tensor, "add up with the others",
            [&](auto& group, std::vector<Tensor>& tensors) { return group.allreduce(tensors, options); });
    }

    void copyFromFirst(Tensor& tensor) override
    {
        c10d::BroadcastOptions options;
        options.rootRank = 0;
        run(tensor, "receive from process 0",
            [&](auto& group, std::vector<Tensor>& tensors) { return group.broadcast(tensors, options); });
    }

    const long long seconds_;
    c10::intrusive_ptr<c10d::TCPStore> store_;
    c10::intrusive_ptr<c10d::ProcessGroupGloo> onHost_;
#ifdef D2DET_WITH_NCCL
    c10::intrusive_ptr<c10d::ProcessGroupNCCL> onDevice_;
#endif
};

#endif  // D2DET_WITH_GLOO

//! Calls `work` with one flat tensor for all tensors of one type and device, and copies its values back.
template <typename Work>
void flat(const std::vector<Tensor>& tensors, Work work)
{
    std::map<std::pair<torch::ScalarType, bool>, std::vector<Tensor>> kinds;
    for (const Tensor& tensor : tensors)
        if (tensor.numel() > 0)
            kinds[{tensor.scalar_type(), tensor.is_cuda()}].push_back(tensor);
    torch::NoGradGuard noGrad;
    for (auto& kind : kinds)
    {
        std::vector<Tensor> lines;
        for (const Tensor& tensor : kind.second)
            lines.push_back(tensor.detach().reshape({-1}));
        Tensor all = torch::cat(lines);
        work(all);
        int64_t begin = 0;
        for (const Tensor& tensor : kind.second)
        {
            tensor.detach().copy_(all.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
            begin += tensor.numel();
        }
    }
}

}  // namespace

ProcessGroup::~ProcessGroup() = default;

std::shared_ptr<ProcessGroup> ProcessGroup::join(const Launch& launch, const torch::Device& device,
                                                 std::chrono::seconds limit)
{
    if (launch.size == 1)
        return std::make_shared<SingleProcess>(launch);
#ifdef D2DET_WITH_GLOO
    return std::make_shared<C10dGroup>(launch, device, limit);
#else
    (void)device;
    (void)limit;
    fail("training by " + std::to_string(launch.size) +
         " processes needs LibTorch's c10d with Gloo, without which this "
         "program was built: install libgloo-dev and build it again");
#endif
}

void ProcessGroup::sum(const std::vector<Tensor>& tensors)
{
    if (size() > 1)
        flat(tensors, [&](Tensor& all) { reduce(all, Reduction::SUM); });
}

double ProcessGroup::sum(double value)
{
    Tensor tensor = torch::full({1}, value, torch::kDouble);
    reduce(tensor, Reduction::SUM);
    return tensor.item<double>();
}

double ProcessGroup::largest(double value)
{
    Tensor tensor = torch::full({1}, value, torch::kDouble);
    reduce(tensor, Reduction::MAXIMUM);
    return tensor.item<double>();
}

void ProcessGroup::broadcast(const std::vector<Tensor>& tensors)
{
    if (size() > 1)
        flat(tensors, [&](Tensor& all) { copyFromFirst(all); });
}

std::vector<std::string> ProcessGroup::gather(const std::string& text)
{
    std::vector<std::string> texts;
    Tensor sizes = torch::zeros({size()}, torch::kLong);
    sizes[rank()] = static_cast<int64_t>(text.size());
    reduce(sizes, Reduction::SUM);
    int64_t before = 0;
    const int64_t total = sizes.sum().item<int64_t>();
    for (int i = 0; i < rank(); i++)
        before += sizes[i].item<int64_t>();
    Tensor bytes = torch::zeros({total}, torch::kByte);
    std::memcpy(bytes.data_ptr<uint8_t>() + before, text.data(), text.size());
    if (total > 0)
        reduce(bytes, Reduction::SUM);  // every byte is of one process
    const char* at = reinterpret_cast<const char*>(bytes.data_ptr<uint8_t>());
    for (int i = 0; i < size(); i++)
    {
        const int64_t length = sizes[i].item<int64_t>();
        texts.emplace_back(at, static_cast<size_t>(length));
        at += length;
    }
    return texts;
}

}  // namespace d2det
