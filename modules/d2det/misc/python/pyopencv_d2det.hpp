// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifdef HAVE_OPENCV_D2DET

// Names that the generator of the bindings makes of these types.
typedef cv::dnn::Net dnn_Net;
typedef std::vector<cv::d2det::Rle> vector_Rle;
typedef std::vector<cv::d2det::BoxMask> vector_BoxMask;
typedef std::vector<cv::d2det::DetectionExplanation> vector_DetectionExplanation;
typedef std::vector<std::vector<double>> vector_vector_double;

#endif
