#ifdef HAVE_OPENCV_D2DET

// Names that the generator of the bindings makes of these types.
typedef cv::dnn::Net dnn_Net;
typedef std::vector<cv::d2det::Rle> vector_Rle;
typedef std::vector<std::vector<double>> vector_vector_double;

#endif
