# In OpenCV's tree: do the layers become nodes of dnn's CUDA back end?
#
# sets cuda_nodes        ON where dnn has that back end
#      cuda_libraries    what to link
#      cuda_definitions  for the module's sources
set(cuda_nodes OFF)
set(cuda_libraries)
set(cuda_definitions)
if(NOT (OPENCV_DNN_CUDA AND HAVE_CUDA AND HAVE_CUBLAS AND HAVE_CUDNN))
  return()
endif()
if(NOT ENABLE_CUDA_FIRST_CLASS_LANGUAGE)
  message(STATUS "d2det: no CUDA nodes, its layers run on the CPU: they need ENABLE_CUDA_FIRST_CLASS_LANGUAGE=ON")
  return()
endif()
set(cuda_nodes ON)
set(cuda_libraries CUDA::cudart${CUDA_LIB_EXT} ${CUDNN_LIBRARIES} CUDA::cublas${CUDA_LIB_EXT})
set(cuda_definitions CV_CUDA4DNN=1 D2DET_HAVE_CUDA=1)
# dnn does not export the base class of its nodes: a library of its own must define it (src/layers/cuda_node.cpp).
if(BUILD_SHARED_LIBS AND NOT BUILD_opencv_world)
  list(APPEND cuda_definitions D2DET_DEFINE_BACKEND_NODE=1)
endif()
