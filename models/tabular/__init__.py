"""Classifiers of a table's rows, in scikit-learn, LightGBM and XGBoost: real data, fitted in a second, no download."""
