# Kernels whose decisions (IoU, order, boxes) must be the same in reference, fast and CUDA version: no products and sums
# are fused where the code does not say so. nvcc gets -fmad=false. Include this in the folder that compiles
# src/kernels/*.cpp: properties of sources are seen there only.
get_filename_component(exact_dir ${CMAKE_CURRENT_LIST_DIR}/../src/kernels ABSOLUTE)
foreach(stem nms proposal detections dense_box_decode)
  set_source_files_properties(${exact_dir}/${stem}_ref.cpp ${exact_dir}/${stem}_cpu.cpp
    PROPERTIES COMPILE_OPTIONS $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-ffp-contract=off>)
endforeach()
