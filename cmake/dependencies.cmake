# Finds OpenCV and LibTorch where their own packages need help. Macros: what they find is seen by the caller.

# d2det_find_opencv(ARGUMENT...): find_package(OpenCV ...), 4.6 or later. Not by find_package's version, for which 4.6
# and 5.0 are incompatible.
macro(d2det_find_opencv)
  find_package(OpenCV ${ARGN})
  if(OpenCV_FOUND AND OpenCV_VERSION VERSION_LESS 4.6)
    message(FATAL_ERROR "OpenCV 4.6 or later is needed, ${OpenCV_DIR} has ${OpenCV_VERSION}")
  endif()
endmacro()

# d2det_raise_standard_for_torch(FOLDER...): raises CMAKE_CXX_STANDARD to what the headers there need. They refuse older
# standards with "#if ... __cplusplus < 202002L" (LibTorch 2.6: 201703L).
macro(d2det_raise_standard_for_torch)
  set(torch_standard 17)
  foreach(folder ${ARGN})
    if(EXISTS ${folder}/torch/all.h)
      file(STRINGS ${folder}/torch/all.h torch_refuses REGEX "__cplusplus < 20[0-9]+L")
      if(torch_refuses MATCHES "__cplusplus < 20([0-9][0-9])" AND CMAKE_MATCH_1 GREATER torch_standard)
        set(torch_standard ${CMAKE_MATCH_1})
      endif()
    endif()
  endforeach()
  if(torch_standard GREATER CMAKE_CXX_STANDARD)
    set(CMAKE_CXX_STANDARD ${torch_standard})
  endif()
endmacro()

# d2det_find_torch(): find_package(Torch), then CMAKE_CXX_STANDARD is raised to what its headers need. A LibTorch with
# CUDA is given what it takes for granted, and its choice of GPUs stays its own.
macro(d2det_find_torch)
  # It links CUDA::nvToolsExt, which toolkits from 12.9 on do not have: only headers are left of it.
  find_package(CUDAToolkit QUIET)
  if(CUDAToolkit_FOUND AND NOT TARGET CUDA::nvToolsExt)
    add_library(CUDA::nvToolsExt INTERFACE IMPORTED)
  endif()
  # It overwrites these and adds -gencode flags of its own, for all that is compiled here.
  set(d2det_torch_saved CMAKE_CUDA_ARCHITECTURES CMAKE_CUDA_FLAGS)
  foreach(variable ${d2det_torch_saved})
    set(d2det_saved_${variable} "${${variable}}")
    get_property(d2det_cached_${variable} CACHE ${variable} PROPERTY VALUE)
  endforeach()
  find_package(Torch REQUIRED)
  if(D2DET_WITH_CUDA)
    foreach(variable ${d2det_torch_saved})
      set(${variable} "${d2det_saved_${variable}}")
      get_property(cached CACHE ${variable} PROPERTY TYPE SET)
      if(cached)
        set_property(CACHE ${variable} PROPERTY VALUE "${d2det_cached_${variable}}")
      endif()
    endforeach()
  endif()

  d2det_raise_standard_for_torch(${TORCH_INCLUDE_DIRS})
  message(STATUS "LibTorch ${Torch_VERSION}: C++${CMAKE_CXX_STANDARD}")
endmacro()
