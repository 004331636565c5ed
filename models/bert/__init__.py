"""BERT (Devlin et al., 2018) with a classifier of two classes, as Hugging Face's BertForSequenceClassification."""
