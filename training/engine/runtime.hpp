// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Process-wide settings of the numeric libraries: number of threads, kernel selection of OpenBLAS, freed memory. */

#ifndef D2DET_TRAINING_RUNTIME_HPP
#define D2DET_TRAINING_RUNTIME_HPP

namespace d2det
{

//! Sets the number of threads of LibTorch, OpenCV and OpenBLAS; 0: one per core.
void setThreads(int threads);

/** @brief Keeps freed memory for the next tensors instead of giving it back to the system.

A training step allocates and frees the same large tensors as the one before; each comes with page faults otherwise. The
results do not change. Does nothing where the C library is not glibc. Call it in main(), before threads start. */
void keepFreedMemory();

/** @brief Restarts the program with OPENBLAS_CORETYPE if OpenBLAS does not recognize the processor.

An OpenBLAS older than the processor falls back to its oldest kernels (SSE3), at a quarter of the speed. The kernels can
only be selected by an environment variable that is set before the library is loaded. Returns if other kernels would not
be faster, if the variable is already set, or on systems other than Linux. Must be called first in main(). */
void restartWithFastBlas(char** argv);

}  // namespace d2det

#endif
