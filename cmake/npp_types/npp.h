// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The names of NVIDIA's image library NPP that OpenCV's module core mentions, for CUDA toolkits installed without NPP.

   OpenCV 4's core includes <npp.h> whenever CUDA is on, but core, cudev and dnn call no function of NPP: they use
   types, a version number and the table of status codes in core/src/cuda_info.cpp. With this folder on the include path
   they compile without NPP; nothing is linked. The numbers of the status codes are not NPP's. Never put this folder on
   the path when the toolkit has NPP, and build none of the modules that use it (cudaarithm, cudafilters, cudawarping,
   ...). */

#ifndef D2DET_NPP_TYPES_NPP_H
#define D2DET_NPP_TYPES_NPP_H

#include <cuda_runtime.h>
#include <stddef.h>

#define NPP_VERSION_MAJOR 13
#define NPP_VERSION_MINOR 0
#define NPP_VERSION_BUILD 0
#define NPP_VERSION 13000

#define NPP_MIN_32S (-2147483647 - 1)
#define NPP_MAX_32S (2147483647)

typedef unsigned char Npp8u;
typedef signed char Npp8s;
typedef unsigned short Npp16u;
typedef short Npp16s;
typedef unsigned int Npp32u;
typedef int Npp32s;
typedef float Npp32f;
typedef double Npp64f;

typedef enum
{
    NPP_NOT_SUFFICIENT_COMPUTE_CAPABILITY = -1,
    NPP_INVALID_HOST_POINTER_ERROR = -2,
    NPP_INVALID_DEVICE_POINTER_ERROR = -3,
    NPP_LUT_PALETTE_BITSIZE_ERROR = -4,
    NPP_ZC_MODE_NOT_SUPPORTED_ERROR = -5,
    NPP_MEMFREE_ERROR = -6,
    NPP_MEMSET_ERROR = -7,
    NPP_QUALITY_INDEX_ERROR = -8,
    NPP_HISTOGRAM_NUMBER_OF_LEVELS_ERROR = -9,
    NPP_CHANNEL_ORDER_ERROR = -10,
    NPP_ZERO_MASK_VALUE_ERROR = -11,
    NPP_QUADRANGLE_ERROR = -12,
    NPP_RECTANGLE_ERROR = -13,
    NPP_COEFFICIENT_ERROR = -14,
    NPP_NUMBER_OF_CHANNELS_ERROR = -15,
    NPP_COI_ERROR = -16,
    NPP_DIVISOR_ERROR = -17,
    NPP_CHANNEL_ERROR = -18,
    NPP_STRIDE_ERROR = -19,
    NPP_ANCHOR_ERROR = -20,
    NPP_MASK_SIZE_ERROR = -21,
    NPP_MIRROR_FLIP_ERROR = -22,
    NPP_MOMENT_00_ZERO_ERROR = -23,
    NPP_THRESHOLD_NEGATIVE_LEVEL_ERROR = -24,
    NPP_THRESHOLD_ERROR = -25,
    NPP_CONTEXT_MATCH_ERROR = -26,
    NPP_FFT_FLAG_ERROR = -27,
    NPP_FFT_ORDER_ERROR = -28,
    NPP_SCALE_RANGE_ERROR = -29,
    NPP_DATA_TYPE_ERROR = -30,
    NPP_OUT_OFF_RANGE_ERROR = -31,
    NPP_DIVIDE_BY_ZERO_ERROR = -32,
    NPP_MEMORY_ALLOCATION_ERR = -33,
    NPP_RANGE_ERROR = -34,
    NPP_BAD_ARGUMENT_ERROR = -35,
    NPP_NO_MEMORY_ERROR = -36,
    NPP_ERROR_RESERVED = -37,
    NPP_NOT_SUPPORTED_MODE_ERROR = -38,
    NPP_ROUND_MODE_NOT_SUPPORTED_ERROR = -39,
    NPP_RESIZE_NO_OPERATION_ERROR = -40,
    NPP_LUT_NUMBER_OF_LEVELS_ERROR = -41,
    NPP_TEXTURE_BIND_ERROR = -42,
    NPP_WRONG_INTERSECTION_ROI_ERROR = -43,
    NPP_NOT_EVEN_STEP_ERROR = -44,
    NPP_INTERPOLATION_ERROR = -45,
    NPP_RESIZE_FACTOR_ERROR = -46,
    NPP_HAAR_CLASSIFIER_PIXEL_MATCH_ERROR = -47,
    NPP_MEMCPY_ERROR = -48,
    NPP_ALIGNMENT_ERROR = -49,
    NPP_STEP_ERROR = -50,
    NPP_SIZE_ERROR = -51,
    NPP_NULL_POINTER_ERROR = -52,
    NPP_CUDA_KERNEL_EXECUTION_ERROR = -53,
    NPP_NOT_IMPLEMENTED_ERROR = -54,
    NPP_ERROR = -55,
    NPP_SUCCESS = 0,
    NPP_NO_ERROR = NPP_SUCCESS,
    NPP_NO_OPERATION_WARNING = 1,
    NPP_DIVIDE_BY_ZERO_WARNING = 2,
    NPP_WRONG_INTERSECTION_ROI_WARNING = 3,
    NPP_WRONG_INTERSECTION_QUAD_WARNING = 4,
    NPP_MISALIGNED_DST_ROI_WARNING = 5,
    NPP_AFFINE_QUAD_INCORRECT_WARNING = 6,
    NPP_DOUBLE_SIZE_WARNING = 7
} NppStatus;

typedef struct
{
    cudaStream_t hStream;
    int nCudaDeviceId;
    int nMultiProcessorCount;
    int nMaxThreadsPerMultiProcessor;
    int nMaxThreadsPerBlock;
    size_t nSharedMemPerBlock;
    int nCudaDevAttrComputeCapabilityMajor;
    int nCudaDevAttrComputeCapabilityMinor;
    unsigned int nStreamFlags;
    int nReserved0;
} NppStreamContext;

#ifdef __cplusplus
extern "C" {
#endif
cudaStream_t nppGetStream(void);
NppStatus nppSetStream(cudaStream_t stream);
NppStatus nppGetStreamContext(NppStreamContext* context);
#ifdef __cplusplus
}
#endif

#endif
