// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* How the libraries below us use the processor: number of threads, and OpenBLAS's choice of kernels. */

#ifndef D2DET_TRAINING_RUNTIME_HPP
#define D2DET_TRAINING_RUNTIME_HPP

namespace d2det
{

//! Threads of LibTorch, OpenCV and OpenBLAS; 0: one per core.
void setThreads(int threads);

/** @brief Starts the program again with OPENBLAS_CORETYPE if OpenBLAS knows the processor too little.

An OpenBLAS older than the processor falls back to its oldest kernels (SSE3), at a quarter of the speed; which kernels
it uses can only be said in the environment, before it is loaded. Returns if there is nothing to gain, if the variable
is set already, or on other systems than Linux. Call first in main(). */
void restartWithFastBlas(char** argv);

}  // namespace d2det

#endif
