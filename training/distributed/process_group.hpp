// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The processes that train one model together, over LibTorch's c10d: Gloo, or NCCL for tensors on CUDA devices where
   LibTorch has it. All of them call the same functions in the same order. A process that ends or does not answer within
   the time limit is an Error in all others. */

#ifndef D2DET_TRAINING_PROCESS_GROUP_HPP
#define D2DET_TRAINING_PROCESS_GROUP_HPP

#include "base/error.hpp"
#include "distributed/launch.hpp"

#include <torch/torch.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace d2det
{

//! Another process has ended or does not answer. What this process has itself is whole.
class ProcessGroupError : public Error
{
public:
    using Error::Error;
};

class ProcessGroup
{
public:
    /** Waits until all processes are there. Throws Error if they are not within the time limit, or if this program was
        built without c10d. A single process needs no c10d.
        @param device of the model: NCCL is used for CUDA devices if LibTorch has it */
    static std::shared_ptr<ProcessGroup> join(const Launch& launch, const torch::Device& device,
                                              std::chrono::seconds limit);
    virtual ~ProcessGroup();

    int rank() const { return launch_.rank; }
    int size() const { return launch_.size; }
    bool isFirst() const { return launch_.rank == 0; }
    //! Whether this process has the piece of work with that number; the processes take turns.
    bool owns(int64_t number) const { return number % launch_.size == launch_.rank; }
    const Launch& launch() const { return launch_; }

    /** Each tensor becomes the sum over the processes, the same bits in all of them. Tensors of float32 or int64, of
        the same shapes in all processes. */
    void sum(const std::vector<torch::Tensor>& tensors);
    double sum(double value);
    double largest(double value);
    //! Each tensor becomes that of rank 0.
    void broadcast(const std::vector<torch::Tensor>& tensors);
    //! The texts of all processes by rank, in all of them.
    std::vector<std::string> gather(const std::string& text);
    void barrier() { sum(0); }

protected:
    explicit ProcessGroup(const Launch& launch) : launch_(launch) {}

    enum class Reduction
    {
        SUM,
        MAXIMUM
    };
    virtual void reduce(torch::Tensor& tensor, Reduction reduction) = 0;
    virtual void copyFromFirst(torch::Tensor& tensor) = 0;

private:
    const Launch launch_;
};

}  // namespace d2det

#endif
