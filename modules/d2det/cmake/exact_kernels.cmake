# Sources whose decisions (IoU, order, boxes, pixels of masks) must be the same in reference, fast and CUDA version and
# on all processors: no products and sums are fused where the code does not say so, which compilers do by default on
# ARM. nvcc gets -fmad=false. Include this in the folder that compiles the sources: properties of sources are seen
# there only.
get_filename_component(exact_dir ${CMAKE_CURRENT_LIST_DIR}/../src/kernels ABSOLUTE)
foreach(stem nms proposal detections dense_box_decode delta_box_decode quantized_conv2d)
  set_source_files_properties(${exact_dir}/${stem}_ref.cpp ${exact_dir}/${stem}_cpu.cpp
    PROPERTIES COMPILE_OPTIONS $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-ffp-contract=off>)
endforeach()
file(GLOB exact_sources CONFIGURE_DEPENDS ${exact_dir}/../masks/*.cpp ${exact_dir}/../metrics/*.cpp)
foreach(source ${exact_sources})
  get_filename_component(source ${source} ABSOLUTE)
  set_source_files_properties(${source}
    PROPERTIES COMPILE_OPTIONS $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-ffp-contract=off>)
endforeach()
